"""A file system that a test fills: a tmpfs where mounting is allowed, else a limit on file sizes."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import TIMEOUT_SECONDS, CommandResult, Terminal

SIZE = 8_192
"""Kilobytes of the whole file system."""

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass
class SmallDisk:
    """A folder with little room; `free` is how many kilobytes a process may still write, if limited."""

    folder: Path
    is_mounted: bool
    free: int | None = None

    def leave(self, kilobytes: int, process: int | None = None) -> None:
        """Leaves so much room, also to a process that is running already."""
        self.free_all(process)
        self.free = kilobytes
        if self.is_mounted:
            left = os.statvfs(self.folder)
            filler = left.f_bavail * left.f_frsize - kilobytes * 1024
            (self.folder / "filler").write_bytes(bytes(filler))
        elif process is not None:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (self._limit(), -1))

    def free_all(self, process: int | None = None) -> None:
        """Takes away what fills the disk."""
        self.free = None
        (self.folder / "filler").unlink(missing_ok=True)
        if process is not None and not self.is_mounted:
            resource.prlimit(process, resource.RLIMIT_FSIZE, NO_LIMIT)

    def run(self, terminal: Terminal, *arguments: str) -> CommandResult:
        """Runs a command that has only this much room."""
        done = subprocess.run(
            terminal.command(*arguments),
            cwd=terminal.folder,
            env=terminal.environment(),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            preexec_fn=self._limit_child,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())

    def _limit_child(self) -> None:
        if self.free is not None and not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._limit(), -1))

    def _limit(self) -> int:
        largest = max((each.stat().st_size for each in self.folder.rglob("*.sqlite")), default=0)
        return largest + (self.free or 0) * 1024


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """The file system in this folder, for as long as the context lasts."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}k", "callsheet-test", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    try:
        yield SmallDisk(folder, is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)
