"""Tells whether a SQLite file is as callsheet left it; one that is not is checked before it is used.

Beside the file stands a mark: what the file looked like when its last user closed it. All users share
a lock on the mark, so that a file in use is not taken for one that was left unclean.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHANGE_COUNTER = slice(24, 28)
"""Where the header of a SQLite file counts its transactions."""

WAIT_SECONDS = 0.05


class FileState:
    """One user's lock on a file; `is_clean` says whether the file is as it was left.

    Others wait while it is not, until it is confirmed or abandoned.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        mark = path.with_name(f"{path.name}-state")
        self._number: int | None = None
        self.is_clean = True
        with suppress(OSError):
            self._number = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
        if self._number is not None and self._acquire():
            self.is_clean = self._read() == self._fingerprint()
            if self.is_clean:
                lock_file(self._number, exclusive=False)

    def confirm(self) -> None:
        """Lets others use the file after it was checked, because it was not clean."""
        if self._number is not None:
            self._write(self._fingerprint())
            lock_file(self._number, exclusive=False)

    def is_alone(self) -> bool:
        """Whether nobody else uses the file; from then on nobody can."""
        return self._number is not None and lock_file(self._number, exclusive=True) is True

    def end(self, *, damaged: bool = False) -> None:
        """Marks the file as clean, if no one else uses it; as not clean, if it is damaged."""
        if self._number is None:
            return
        with suppress(OSError):
            if damaged:
                self._write(b"damaged")
            elif self.is_alone() and self._read() != b"damaged":
                self._write(self._fingerprint())
        self.abandon()

    def abandon(self) -> None:
        """Gives up the lock, and leaves the mark as it is."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def _acquire(self) -> bool:
        """Acquires a lock: True where nobody else has the file open, and so it may need a check."""
        assert self._number is not None  # noqa: S101  # the caller looked
        while True:
            alone = lock_file(self._number, exclusive=True)
            if alone is not False:
                return alone is True
            if lock_file(self._number, exclusive=False):
                return False
            time.sleep(WAIT_SECONDS)  # another user is checking the file

    def _fingerprint(self) -> bytes:
        """What changes with every write of the file."""
        try:
            status = self._path.stat()
            with self._path.open("rb") as file:
                counter = file.read(100)[CHANGE_COUNTER].hex()
            log = self._path.with_name(f"{self._path.name}-wal")
            pending = log.stat().st_size if log.exists() else 0
        except OSError:
            return b"missing"
        if status.st_size == 0:
            return b""
        return f"{status.st_size} {status.st_mtime_ns} {counter} {pending}".encode()

    def _read(self) -> bytes:
        assert self._number is not None  # noqa: S101  # the callers looked
        os.lseek(self._number, 0, os.SEEK_SET)
        return os.read(self._number, 200)

    def _write(self, content: bytes) -> None:
        assert self._number is not None  # noqa: S101  # the callers looked
        if self._read() != content:
            os.ftruncate(self._number, 0)
            os.lseek(self._number, 0, os.SEEK_SET)
            os.write(self._number, content)


def is_writable(path: Path) -> bool:
    """Whether the file can be written to; it is created where it is missing."""
    try:
        # Briefs and prompts are private: no other user of the machine may read them.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EROFS) and path.is_file():
            # Stored runs can still be read.
            return False
        raise
    return True


def lock_file(number: int, *, exclusive: bool) -> bool | None:
    """Whether the lock was acquired; None where the system has no such locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
