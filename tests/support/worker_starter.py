"""Brings up worker processes in a fraction of the seconds that their imports take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]

LONGEST = 300

JOBS_AT = "CALLSHEET_TEST_JOBS_AT"
"""Names the address of a loopback server that carries out OpenAI's batch jobs."""


class WorkerStarter:
    """A process that has imported everything, and doubles itself for each worker."""

    def __init__(self, guard: Path) -> None:
        paths = f"{guard}{os.pathsep}{ROOT}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_forkserver"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            text=True,
        )

    def begin(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> ForkedProcess:
        """Another worker, not ready yet."""
        order = {
            "words": [*words],
            "folder": str(folder),
            "environment": {**environment},
            "log": str(log),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return ForkedProcess(int(_read(log.with_suffix(".pid"))), log.with_suffix(".status"))

    def close(self) -> None:
        """Ends it; the workers go on until they are ended."""
        self._process.kill()
        self._process.communicate()


class ForkedProcess:
    """A worker process: what the standard library's handle says of one of its own."""

    def __init__(self, pid: int, status: Path) -> None:
        self.pid = pid
        self._status = status

    def poll(self) -> int | None:
        return int(self._status.read_text()) if self._status.exists() else None

    def wait(self, timeout: float = LONGEST) -> int:
        return int(_read(self._status, timeout))

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _read(file: Path, timeout: float = LONGEST) -> str:
    until = time.monotonic() + timeout
    while not file.exists():
        assert time.monotonic() < until, f"there is no {file}"
        time.sleep(0.01)
    return file.read_text()
