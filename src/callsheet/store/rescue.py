"""Copies the runs that can be read in a damaged SQLite file into another store."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from callsheet.events import RunNoted, decode
from callsheet.store.sqlite_pages import read_rows
from callsheet.store.texts import add_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callsheet.store.database import Transaction
    from callsheet.store.sql import SqlStore
    from callsheet.store.sqlite_pages import Value

Event: TypeAlias = tuple[str, str, float]

ENDS = ("run_finished", "run_failed", "question_asked", "run_parked", "call_submitted")
"""What the last event of a run is, unless it was interrupted."""

HASH = re.compile("[0-9a-f]{64}")


@dataclass
class Rescued:
    """What was copied, and what could not be: by name of the run.

    `partial` says how many events were copied of those of which something is left, `unreadable`
    names runs without a readable beginning, `present` those that the new store had already.
    """

    complete: list[str] = field(default_factory=list)
    partial: dict[str, tuple[int, int]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    without_files: list[str] = field(default_factory=list)


@dataclass
class _Found:
    """The rows of a file by table; a row that fits no table is left out."""

    runs: dict[str, tuple[str, float, int]] = field(default_factory=dict)
    events: dict[str, dict[int, Event]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)

    def add(self, row: tuple[Value, ...]) -> None:
        match row:
            case (str(run), int(seq), str(kind), str(body), int() | float() as at):
                self.events.setdefault(run, {})[seq] = (kind, body, float(at))
            case (str(run), str(workflow), float() as started, int(number)):
                self.runs[run] = (workflow, started, number)
            case (str(run), str(workflow), float() as started):
                self.runs[run] = (workflow, started, 0)  # as older versions wrote it
            case (str(run), str(), int(), int() | float()):
                self.named.add(run)  # a lease
            case (str(name), bytes() | str() as content):
                text = (
                    content.encode("utf-8", "surrogatepass")
                    if isinstance(content, str)
                    else content
                )
                if hashlib.sha256(text).hexdigest() == name:
                    self.files[name] = text
                elif isinstance(content, str) and len(content) == hashlib.sha256().digest_size * 2:
                    self.used.setdefault(name, set()).add(content)
            case _:
                pass

    def names(self) -> list[str]:
        """Every run of which something was found, the oldest first."""
        names = self.named | {*self.runs, *self.events, *self.used}
        return sorted(names, key=lambda name: (self.number(name), self.started(name), name))

    def number(self, run: str) -> int:
        return self.runs[run][2] if run in self.runs else 0

    def started(self, run: str) -> float:
        first = self.events.get(run, {}).get(1)
        return self.runs[run][1] if run in self.runs else first[2] if first else 0.0


async def rescue(damaged: Path, store: SqlStore) -> Rescued:
    """Copies every run that can be read; the damaged file is only read."""
    found = _Found()
    for row in read_rows(_content(damaged)):
        found.add(row)
    rescued = Rescued()
    there = set(await store.names_starting_with(""))
    for run in found.names():
        if run in there:
            rescued.present.append(run)
            continue
        events = list(_readable(found.events.get(run, {})))
        if not events:
            rescued.unreadable.append(run)
            continue
        await _copy(store, run, found, events)
        _note(rescued, run, found, events)
    return rescued


def _content(damaged: Path) -> bytes:
    """The bytes of the file, with what its journal says of an unfinished transaction."""
    from callsheet.store.sqlite import recover

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / damaged.name
        for suffix in ("", "-journal", "-wal"):
            part = damaged.with_name(damaged.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        recover(copy)
        return copy.read_bytes()


def _readable(events: dict[int, Event]) -> Iterable[Event]:
    """The events from the first on, up to one that is missing or cannot be read."""
    for seq in range(1, max(events, default=0) + 1):
        if seq not in events:
            return
        try:
            decode(json.loads(events[seq][1]))
        except (ValueError, ValidationError):
            return
        yield events[seq]


def _notes(events: dict[int, Event]) -> Iterable[Event]:
    """The notes that can be read, the oldest first: each stands for itself."""
    for seq in sorted((seq for seq in events if seq < 0), reverse=True):
        with suppress(ValueError, ValidationError):
            RunNoted.model_validate(json.loads(events[seq][1]))
            yield events[seq]


async def _copy(store: SqlStore, run: str, found: _Found, events: list[Event]) -> None:
    first: dict[str, Any] = json.loads(events[0][1])
    workflow = found.runs[run][0] if run in found.runs else str(first.get("workflow", ""))
    # Images are named in answers; where it is not recorded any more that they are used, this tells.
    notes = [*_notes(found.events[run])]
    named = {name for _, body, _ in (*events, *notes) for name in HASH.findall(body)}
    used = [name for name in _files_of(run, found, events) | named if name in found.files]

    async def write(do: Transaction) -> None:
        await do("restore_run", run=run, workflow=workflow, started=found.started(run))
        await do("restore_lease", run=run, heartbeat=events[-1][2])
        rows = [{"run": run, "hash": name, "content": found.files[name]} for name in sorted(used)]
        if rows:
            await do.each("insert_file", rows)
            await do.each("insert_run_file", rows)
        numbered = [
            {"run": run, "seq": seq, "kind": kind, "body": body, "recorded": at}
            for seq, (kind, body, at) in (
                *enumerate(events, start=1),
                *((-number, note) for number, note in enumerate(notes, start=1)),
            )
        ]
        await do.each("insert_event", numbered)
        await add_texts(do, numbered)

    await store.database.write(run, write, last=True)


def _files_of(run: str, found: _Found, events: list[Event]) -> set[str]:
    """The files that a run uses: as it was recorded, and as its events say."""
    manifests = {str(json.loads(body).get("manifest") or "") for _, body, _ in events}
    return (found.used.get(run, set()) | manifests) - {""}


def _note(rescued: Rescued, run: str, found: _Found, events: list[Event]) -> None:
    last = max(found.events[run])
    if last > len(events) or events[-1][0] not in ENDS:
        rescued.partial[run] = (len(events), last)
    else:
        rescued.complete.append(run)
    if any(name not in found.files for name in _files_of(run, found, events)):
        rescued.without_files.append(run)
