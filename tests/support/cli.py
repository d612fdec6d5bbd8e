"""Runs `callsheet` in a subprocess and returns its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

TIMEOUT_SECONDS = 180
"""Timeout in seconds, long enough for a busy machine."""


@dataclass(frozen=True)
class CommandResult:
    """The exit status, stdout and stderr of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass
class Terminal:
    """Runs commands in a folder and an environment."""

    folder: Path
    guard: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def with_own_runs(cls, folder: Path, guard: Path, **settings: str) -> Self:
        """A terminal whose runs are in its folder, as are those of a server that it starts."""
        return cls(
            folder, guard, {"CALLSHEET_HOME": str(folder / "kept"), "HOME": str(folder)} | settings
        )

    def environment(self) -> dict[str, str]:
        """The test's environment, guarded against the network, with this terminal's variables."""
        return {**os.environ, "PYTHONPATH": str(self.guard), "NO_COLOR": "1", **self.env}

    def command(self, *arguments: str) -> list[str]:
        """The arguments to start a process with."""
        return [sys.executable, "-m", "callsheet", *arguments]

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> CommandResult:
        done = subprocess.run(
            self.command(*arguments),
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self.environment(),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())
