"""Opens the doors to the world outside: the LLM that a person named, and the place for runs."""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import InputError
from callsheet.llm.specs import choose_key, parse_base_url, parse_spec

if TYPE_CHECKING:
    from callsheet.errors import CallsheetError
    from callsheet.llm.pace import Pace
    from callsheet.llm.port import LLM, Heard, Reply, Request
    from callsheet.questions import Question
    from callsheet.settings import Settings
    from callsheet.store.port import RunRow, Store

FILE = "runs.sqlite"

OFFLINE = "offline"


def open_llm(
    spec: str, *, base_url: str | None, settings: Settings, pace: Pace | None = None
) -> LLM:
    """The LLM of this spec; raises InputError for an unknown one, KeyMissingError without its key."""
    named = parse_spec(spec)
    if base_url and named.provider not in ("openai", "ollama"):
        raise InputError(
            f"a base URL does not go with `{spec}`",
            hint="it is the address of an OpenAI-compatible server: name its LLM `openai:NAME`",
        )
    if named.provider == OFFLINE:
        from callsheet.llm.offline import Offline

        return Offline()
    if named.provider == "paste":
        from callsheet.llm.paste import Paste

        return Paste()
    # The client libraries take seconds to import; offline and pasted runs never need them.
    from callsheet.llm.client import Client

    address = parse_base_url(base_url) if base_url else None
    key = choose_key(named, settings.keys, base_url=address)
    return Client(named.provider, named.name, base_url=address, key=key, pace=pace)


class LLMs:
    """LLMs by spec and address, each opened once: that takes longer than all else of a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[tuple[str, str | None], LLM] = {}

    def open(self, spec: str, base_url: str | None) -> LLM:
        """The LLM of this spec; raises as `open_llm` does."""
        place = (spec, base_url)
        if place not in self._open:
            self._open[place] = open_llm(spec, base_url=base_url, settings=self._settings)
        return self._open[place]


class Unopened:
    """An LLM that cannot be opened here: whoever calls it hears why."""

    def __init__(self, spec: str, error: CallsheetError) -> None:
        self.spec = spec
        self._error = error

    async def compose(self, request: Request, heard: Heard | None = None) -> Reply | Question:
        raise self._error


def open_store(settings: Settings) -> Store:
    """The place where runs are kept; raises StorageError where it cannot be used."""
    from callsheet.store.sql import SqlStore

    if settings.database_url is None:
        return SqlStore(settings.home / FILE, lease_seconds=settings.lease_seconds)
    from callsheet.store.postgres import Postgres

    return SqlStore(Postgres(settings.database_url), lease_seconds=settings.lease_seconds)


def kept_store(settings: Settings) -> Store | None:
    """The place where runs are kept, or None where none was kept yet; nothing is made."""
    kept = settings.database_url is not None or (settings.home / FILE).exists()
    return open_store(settings) if kept else None


def owner_name() -> str:
    """This process, named so that another on the same machine can tell whether it still lives."""
    return f"{_process(os.getpid())}:{secrets.token_hex(3)}"


@cache
def _process(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_birth(pid)}"


def is_dead(owner: str) -> bool:
    """Whether a holder is a process of this machine that no longer lives."""
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _birth(int(pid)) != rest.partition(":")[0]


def is_held(row: RunRow) -> bool:
    """Whether anyone alive holds a run."""
    return bool(row.owner) and not row.left and not is_dead(row.owner)


def told_owner(owner: str) -> str:
    """A holder in a person's words."""
    host, pid, *_ = owner.split(":")
    return f"process {pid} on {host}"


def _birth(pid: int) -> str:
    """When a process began, in the kernel's own count, so that a reused number is told apart."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return _alive(pid)
    return status.rpartition(")")[2].split()[19]


def _alive(pid: int) -> str:
    """For systems without /proc: whether there is a process of this number at all."""
    if os.name == "nt":
        return "unknown"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "alive"
