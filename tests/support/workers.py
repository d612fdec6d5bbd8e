"""Real worker processes on a database, people who begin runs there, and a gate that holds calls back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.app.runs import Office, Wish
from callsheet.settings import Settings, read_settings
from tests.support.cli import Terminal
from tests.support.loopback import Answer, Seen
from tests.support.runs import IDEA
from tests.support.strict_openai import StrictOpenAI

ROOT = Path(__file__).parents[2]

LEASE_SECONDS, SWEEP_SECONDS = 2.0, 0.25
"""Short ones, so that no test waits long for a death to be seen."""

LONGEST = 300

QUICK, COMMAND = ("tests.support.hired",), ("callsheet", "worker")
"""A worker that sees the dead early, and the one that people start."""


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
class Told:
    """A process and what it tells beside its result: in the file `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def told(self) -> str:
        return self.log.read_text()


class Hired(Told):
    """One worker."""


class Command(Told):
    """One command of a person's."""

    def end(self, stdin: str = "") -> tuple[int, str]:
        """What it says to the last of its questions: its exit status, and its result."""
        out, _ = self.process.communicate(stdin.encode(), timeout=LONGEST)
        return self.process.returncode, out.decode()


@dataclass
class Crew:
    """Workers on the terminal's database, each a process of its own."""

    terminal: Terminal
    hired: list[Hired] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    people: Executor = field(default_factory=ThreadPoolExecutor)

    def hire(self, *words: str, program: Sequence[str] = QUICK) -> Hired:
        """Another worker, ready to work; the command line's own is `program=COMMAND`."""
        environment = self.terminal.environment()
        log = self.terminal.folder / f"worker-{len(self.hired)}.log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", *program, *words],
                cwd=self.terminal.folder,
                env={**environment, "PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{ROOT}"},
                stdout=told,
                stderr=told,
            )
        worker = Hired(process, log)
        self.hired.append(worker)
        wait_for(lambda: "carries on up to" in worker.told or process.poll() is not None)
        assert process.poll() is None, worker.told
        return worker

    def command(self, *words: str) -> Command:
        """A command that goes on in the background."""
        log = self.terminal.folder / f"command-{len(self.commands)}.log"
        with log.open("wb") as told:
            process = subprocess.Popen(
                self.terminal.command(*words),
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
            )
        self.commands.append(Command(process, log))
        return self.commands[-1]

    def dismiss(self) -> None:
        """Ends them all at once, and every command that still goes on."""
        for each in (*self.hired, *self.commands):
            each.process.kill()
            each.process.communicate()

    def begin(self, *groups: str, review: bool = False) -> Future[dict[str, Any]]:
        """A person's run in the background; its document once it has ended, or asks."""
        wish = Wish(brief={"idea": IDEA}, groups=groups or ("leonardo",), review=review)
        return self.people.submit(asyncio.run, self._run(wish))

    @property
    def settings(self) -> Settings:
        """What the workers are told, told to somebody else."""
        return read_settings(self.terminal.environment() | {"CALLSHEET_LLM": "openai:any"})

    async def _run(self, wish: Wish) -> dict[str, Any]:
        office = Office(self.settings)
        try:
            session = await office.start(wish)
            await session.go_on()
            await session.close()
            return session.document()
        finally:
            office.store.close()


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
        crew.people.shutdown(wait=False, cancel_futures=True)
