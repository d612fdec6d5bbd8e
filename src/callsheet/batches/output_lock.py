"""Reserves an output file for one batch, so that no second one writes into it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import OutputInUseError
from callsheet.store.file_state import lock_file
from callsheet.store.owners import describe_owner, is_dead, owner_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UNKNOWN = {"batch": "", "owner": "", "output": ""}


class OutputLock:
    """A lock on `FILE.lock`, which names the batch that writes `FILE`, and on `FILE` if it exists.

    The system compares devices and inodes, so any path of the same file meets the same lock, and it
    ends the lock with the process. Raises OutputInUseError, or OSError where the folder cannot be
    written.
    """

    def __init__(self, output: Path, batch: str) -> None:
        self._output = output
        self._path = _lock_path(output)
        self._numbers: list[int] = []
        try:
            self._lock_beside(batch)
            self._lock_output()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let other batches write the file."""
        numbers, self._numbers = self._numbers, []
        with suppress(OSError):
            # Before it is closed: afterwards it may be the lock of another process.
            if numbers and os.name != "nt":
                self._path.unlink()
        for number in numbers:
            os.close(number)
        with suppress(OSError):
            # An open file cannot be removed there.
            if numbers and os.name == "nt":
                self._path.unlink()

    def _lock_beside(self, batch: str) -> None:
        hint = f"; if that process is gone, delete {self._path}"
        while True:
            number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            locked = lock_file(number, exclusive=True)
            said = _read(self._path)
            if locked is False or (locked is None and said["owner"] and not is_dead(said["owner"])):
                os.close(number)
                raise _in_use(self._output, said, hint if locked is None else "")
            if _is_file(self._path, number):
                self._numbers.append(number)
                os.ftruncate(number, 0)
                written = {
                    "batch": batch,
                    "owner": owner_name(),
                    "output": str(self._output.resolve()),
                }
                os.write(number, json.dumps(written).encode())
                return
            # Its last owner removed it in between.
            os.close(number)

    def _lock_output(self) -> None:
        """Lock the file itself, which may have further names."""
        try:
            number = os.open(self._output, os.O_RDONLY)
        except OSError:
            return
        self._numbers.append(number)
        if lock_file(number, exclusive=True) is False:
            raise _in_use(self._output, next(_locks_of(self._output), _UNKNOWN))


def _lock_path(output: Path) -> Path:
    return output.with_name(f"{output.name}.lock")


def _is_file(path: Path, number: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except FileNotFoundError:
        return False


def _locks_of(output: Path) -> Iterator[Mapping[str, str]]:
    """Yield what the locks of other names of the same file say, in its folder."""
    for path in output.parent.glob("*.lock"):
        said = _read(path)
        name = Path(said["output"])
        if path != _lock_path(output) and name.exists() and name.samefile(output):
            yield said


def _read(lock: Path) -> Mapping[str, str]:
    """Return what a lock file says; its owner may be just about to write it."""
    try:
        return {**_UNKNOWN, **json.loads(lock.read_bytes())}
    except (OSError, ValueError, TypeError):
        return _UNKNOWN


def _in_use(output: Path, said: Mapping[str, str], more: str = "") -> OutputInUseError:
    batch = f"the batch {said['batch']}" if said["batch"] else "another batch"
    owner = f" ({describe_owner(said['owner'])})" if said["owner"] else ""
    return OutputInUseError(
        f"{output} is being written by {batch}{owner}",
        hint=f"wait for it, or name another file as --output{more}",
    )
