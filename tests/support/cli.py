"""Runs `callsheet` in a process of its own and tells what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST = 180
"""Seconds after which a command hangs, on however busy a machine."""


@dataclass(frozen=True)
class Said:
    """What a command answered: its exit status, its result, and what it told beside it."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass
class Terminal:
    """A folder to stand in, an environment, and the command line."""

    folder: Path
    guard: Path
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The test's environment, guarded against the network, with this terminal's variables."""
        return {**os.environ, "PYTHONPATH": str(self.guard), "NO_COLOR": "1", **self.env}

    def command(self, *words: str) -> list[str]:
        """The command as a process is started with it."""
        return [sys.executable, "-m", "callsheet", *words]

    def __call__(self, *words: str, stdin: str | bytes = "") -> Said:
        done = subprocess.run(
            self.command(*words),
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self.environment(),
            timeout=LONGEST,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
