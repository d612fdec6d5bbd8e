"""Real worker processes on a database, people who begin runs there, and a gate that holds calls back."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import Settings, read_settings
from tests.support.cli import Terminal
from tests.support.loopback import Answer, ReceivedRequest
from tests.support.runs import IDEA
from tests.support.strict_openai import StrictOpenAI
from tests.support.worker_starter import ForkedProcess, WorkerStarter

LEASE_SECONDS = 2.0
"""A short one, so that no test waits long for a death to be seen."""

LONGEST = 300


class Gate:
    """A fault that answers properly, once it is opened."""

    def __init__(self, server: StrictOpenAI) -> None:
        self._server = server
        self._open = threading.Event()

    def __call__(self, seen: ReceivedRequest) -> Answer:
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
class WorkerProcess:
    """One worker; `log` is what it told."""

    process: subprocess.Popen[bytes] | ForkedProcess
    log: Path

    @property
    def output(self) -> str:
        # Notes are wrapped at the terminal's width.
        return " ".join(self.log.read_text().split())


@dataclass
class Command:
    """One command of a person's; `log` is what it told beside its result."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return " ".join(self.log.read_text().split())

    def end(self, stdin: str = "") -> tuple[int, str]:
        """What it says to the last of its questions: its exit status, and its result."""
        out, _ = self.process.communicate(stdin.encode(), timeout=LONGEST)
        return self.process.returncode, out.decode()


@dataclass
class WorkerGroup:
    """Workers on the terminal's database, each a process of its own."""

    terminal: Terminal
    worker_starter: WorkerStarter | None = None
    processes: list[WorkerProcess] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    people: Executor = field(default_factory=ThreadPoolExecutor)

    def start_worker(self, *words: str) -> WorkerProcess:
        """Another worker, ready to work; a forked one where a fork server is running."""
        if self.worker_starter is None:
            return self.start_worker_by_command(*words)
        log, terminal = self._log("worker", len(self.processes)), self.terminal
        started = self.worker_starter.begin(words, terminal.folder, terminal.environment(), log)
        return self._ready(WorkerProcess(started, log))

    def start_worker_by_command(self, *words: str) -> WorkerProcess:
        """The same, as people start it: `callsheet worker`."""
        log = self._log("worker", len(self.processes))
        return self._ready(WorkerProcess(self._begin(log, "worker", *words), log))

    def start_batch(self, *words: str) -> WorkerProcess:
        """`callsheet batch` with these words, from the fork server."""
        assert self.worker_starter is not None
        log, terminal = self._log("batch", len(self.processes)), self.terminal
        words = ("batch", *words)
        started = self.worker_starter.begin(words, terminal.folder, terminal.environment(), log)
        self.processes.append(WorkerProcess(started, log))
        return self.processes[-1]

    def command(self, *words: str) -> Command:
        """A command that goes on in the background."""
        log = self._log("command", len(self.commands))
        self.commands.append(Command(self._begin(log, *words), log))
        return self.commands[-1]

    def _ready(self, worker: WorkerProcess) -> WorkerProcess:
        self.processes.append(worker)
        process = worker.process
        wait_for(lambda: "executes up to" in worker.output or process.poll() is not None)
        assert process.poll() is None, worker.output
        return worker

    def _log(self, kind: str, number: int) -> Path:
        log = self.terminal.folder / f"{kind}-{number}.log"
        log.touch()
        return log

    def _begin(self, log: Path, *words: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as report:
            return subprocess.Popen(
                self.terminal.command(*words),
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=report,
            )

    def dismiss(self) -> None:
        """Ends them all at once, and every command that still goes on."""
        for each in (*self.processes, *self.commands):
            each.process.kill()
            each.process.wait()
            if isinstance(each.process, subprocess.Popen):
                each.process.communicate()

    def begin(self, *groups: str, review: bool = False) -> Future[dict[str, Any]]:
        """A person's run in the background; its document once it has ended, or asks."""
        options = RunOptions(brief={"idea": IDEA}, groups=groups or ("leonardo",), review=review)
        return self.people.submit(asyncio.run, self._run(options))

    @property
    def settings(self) -> Settings:
        """What the workers are told, told to somebody else."""
        return read_settings(self.terminal.environment() | {"CALLSHEET_LLM": "openai:any"})

    async def _run(self, options: RunOptions) -> dict[str, Any]:
        service = RunService(self.settings)
        try:
            session = await service.start(options)
            await session.advance()
            await session.close()
            return session.document()
        finally:
            service.store.close()


@contextmanager
def workers_on(
    terminal: Terminal,
    url: str,
    server: StrictOpenAI | None = None,
    worker_starter: WorkerStarter | None = None,
) -> Iterator[WorkerGroup]:
    """Workers to be hired on this database; runs are written by this server, or by whom they name."""
    terminal.env |= {
        "CALLSHEET_DATABASE_URL": url,
        "CALLSHEET_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    if server is not None:
        terminal.env["CALLSHEET_BASE_URL"] = server.url
    workers = WorkerGroup(terminal, worker_starter)
    try:
        yield workers
    finally:
        workers.dismiss()
        workers.people.shutdown(wait=False, cancel_futures=True)
