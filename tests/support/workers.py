"""Real worker processes on a database, told apart by name, and a gate that holds calls back."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.cli import Terminal
from tests.support.loopback import Answer, Seen
from tests.support.strict_openai import StrictOpenAI

LEASE_SECONDS = 5

LONGEST = 300


class Gate:
    """A fault that answers properly, once it is opened."""

    def __init__(self, server: StrictOpenAI) -> None:
        self._server = server
        self._open = threading.Event()

    def __call__(self, seen: Seen) -> Answer:
        self._open.wait(LONGEST)
        return self._server.answer(seen, None)

    def open(self) -> None:
        """Lets every call through that waits."""
        self._open.set()


def wait_for(condition: Callable[[], Any], what: str = "it") -> None:
    """Returns when it is so."""
    until = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.05)


@dataclass
class Hired:
    """One worker; `log` is what it told."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def told(self) -> str:
        return self.log.read_text()


@dataclass
class Crew:
    """Workers on the terminal's database, each a process of its own."""

    terminal: Terminal
    hired: list[Hired] = field(default_factory=list)

    def hire(self, *words: str) -> Hired:
        """Another worker, ready to work."""
        log = self.terminal.folder / f"worker-{len(self.hired)}.log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                self.terminal.command("worker", *words),
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                stdout=told,
                stderr=told,
            )
        worker = Hired(process, log)
        self.hired.append(worker)
        wait_for(lambda: "carries on up to" in worker.told or process.poll() is not None)
        assert process.poll() is None, worker.told
        return worker

    def dismiss(self) -> None:
        """Ends them all at once."""
        for worker in self.hired:
            worker.process.kill()
            worker.process.wait()

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """A command that goes on in the background; its result goes to `begun.json`."""
        with (self.terminal.folder / "begun.json").open("wb") as out:
            return subprocess.Popen(
                self.terminal.command(*words),
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
            )


@contextmanager
def crew_on(terminal: Terminal, url: str, server: StrictOpenAI | None = None) -> Iterator[Crew]:
    """Workers to be hired on this database; runs are written by this server, or by whom they name."""
    terminal.env |= {
        "CALLSHEET_DATABASE_URL": url,
        "CALLSHEET_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    if server is not None:
        terminal.env["CALLSHEET_BASE_URL"] = server.url
    crew = Crew(terminal)
    try:
        yield crew
    finally:
        crew.dismiss()
