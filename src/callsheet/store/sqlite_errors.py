"""Words the errors of SQLite and of the system in which runs are stored."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from typing import TYPE_CHECKING

from callsheet.errors import (
    StorageCorruptError,
    StorageError,
    StorageFullError,
    StorageLockedError,
    StorageReadOnlyError,
    storage_error_class,
)
from callsheet.store.statements import VERSION

if TYPE_CHECKING:
    from pathlib import Path

BUSY_SECONDS = 10.0
"""How long to wait while another process keeps the file locked."""

PROBED = 2**18
"""More bytes than a commit writes."""

_CODES = {
    sqlite3.SQLITE_FULL: StorageFullError,
    sqlite3.SQLITE_BUSY: StorageLockedError,
    sqlite3.SQLITE_LOCKED: StorageLockedError,
    sqlite3.SQLITE_READONLY: StorageReadOnlyError,
    sqlite3.SQLITE_CORRUPT: StorageCorruptError,
    sqlite3.SQLITE_NOTADB: StorageCorruptError,
}

_ELSEWHERE = "set CALLSHEET_HOME to another folder"

_REASONS: dict[type[StorageError], tuple[str, str]] = {
    StorageFullError: ("the disk is full", f"free disk space, or {_ELSEWHERE}"),
    StorageLockedError: (
        f"another process has kept the file locked for {BUSY_SECONDS:g} s",
        f"wait until that process ends, such as a backup, or {_ELSEWHERE}",
    ),
    StorageReadOnlyError: (
        "the file or its folder is read-only",
        f"make it writable, or {_ELSEWHERE}; stored runs can still be shown",
    ),
}


class StorageErrors:
    """A context that raises errors of SQLite and the system as StorageError, naming the file.

    Once SQLite has found damage, `damage` is that error: nothing may be written from then on.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.damage: StorageCorruptError | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise self._translated(error) from error

    def check_undamaged(self) -> None:
        """Raises StorageCorruptError where damage was found before."""
        if self.damage is not None:
            raise self.damage.with_traceback(None)

    def _translated(self, error: sqlite3.Error | OSError) -> StorageError:
        kind = self._kind(error)
        if kind is StorageCorruptError:
            self.damage = damaged(self._path, str(error))
            return self.damage
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
            return StorageError(
                f"{self._path} was moved or deleted while it was in use",
                hint="put it back, or start the command again",
            )
        reason, hint = _REASONS.get(kind, (str(error), f"check the disk, or {_ELSEWHERE}"))
        return kind(f"runs cannot be stored in {self._path or 'memory'}: {reason}", hint=hint)

    def _kind(self, error: sqlite3.Error | OSError) -> type[StorageError]:
        if isinstance(error, OSError):
            return storage_error_class(error)
        # The low byte of an extended code is its primary code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if self._path is None or code not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            return _CODES.get(code, StorageError)
        try:
            _write_beside(self._path)
        except OSError as reason:
            # SQLite does not say why the system refused, such as for a quota.
            return storage_error_class(reason)
        return StorageError


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process kept the file locked."""
    return _CODES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF) is StorageLockedError


def damaged(path: Path | None, what: str) -> StorageCorruptError:
    """The error for a file that holds something else than a store wrote."""
    return StorageCorruptError(
        f"{path} is damaged: {what}",
        hint=f"it is left unchanged; `callsheet runs --rescue {path}` copies what can be read into a"
        f" new store, or {_ELSEWHERE}",
    )


def refuse_older(path: Path, version: int) -> None:
    """Raises StorageReadOnlyError where the layout would have to be upgraded."""
    if version < VERSION:
        raise StorageReadOnlyError(
            f"{path} is read-only, and its layout is of an older version",
            hint="make it writable once, so that it can be upgraded, or copy it",
        )


def _write_beside(path: Path) -> None:
    """Writes beside the file what a commit may write, behind where the file ends; raises OSError."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".probe-")
    try:
        os.lseek(number, (path.stat().st_size if path.exists() else 0) + PROBED, os.SEEK_SET)
        if os.write(number, bytes(PROBED)) < PROBED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(number)
    finally:
        os.close(number)
        os.unlink(name)  # noqa: PTH108  # a name, not a Path
