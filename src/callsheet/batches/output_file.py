"""Writes the outcomes to a file, row by row: `FILE.part` while it grows, then `FILE`."""

from __future__ import annotations

import re
from contextlib import aclosing, contextmanager
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, Self

from callsheet.batches.output_lock import OutputLock
from callsheet.batches.workbook import MAGIC, sheet_text
from callsheet.batches.writers import writer_for
from callsheet.errors import InputError, OutputUnwritableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path
    from types import TracebackType

    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.batches.writers import OutcomeWriter

SEARCHED = 8_000_000
"""Bytes of an existing file in which the name of its first row's run is searched."""


class OutputFile:
    """A file of outcomes that is being written, and that no other batch can write meanwhile.

    Raises OutputUnwritableError where it cannot be written. A finished file of another batch is
    moved aside to `moved_to`, unless the request is to overwrite it.
    """

    def __init__(self, path: Path, batch: Batch) -> None:
        self.path = path
        self.moved_to: Path | None = None
        self._target = path.resolve() if path.is_symlink() else path
        self.part = self._target.with_name(f"{self._target.name}.part")
        self._batch = batch.name
        self._overwrite = batch.request.overwrite
        self._writer: OutcomeWriter = writer_for(path, batch)
        with self._unwritable():
            self._lock = OutputLock(self._target, batch.name)
            try:
                self._file: BinaryIO = self.part.open("wb")
                self._file.write(self._writer.head().encode())
            except BaseException:
                self._lock.release()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if not self._file.closed:
            self.close(complete=False)

    def add(self, outcome: RowOutcome) -> None:
        """Write a row's outcome, and flush it for other readers."""
        with self._unwritable():
            self._file.write(self._writer.body(outcome).encode())
            self._file.flush()

    def close(self, *, complete: bool) -> Path:
        """Move the file to its final path if it is complete; returns where it is."""
        try:
            with self._unwritable(), self._file:
                self._file.write(self._writer.tail())
            with self._unwritable():
                if not complete:
                    return self.part
                self._move_aside()
                self.part.replace(self._target)
                return self.path
        finally:
            self._lock.release()

    def _move_aside(self) -> None:
        """Keep a file that is there already, unless this batch wrote it."""
        target = self._target
        if self._overwrite or not target.exists() or _is_of(target, self._batch):
            return
        free = (target.with_name(f"{target.stem}.{number}{target.suffix}") for number in count(1))
        self.moved_to = next(path for path in free if not path.exists())
        target.rename(self.moved_to)

    @contextmanager
    def _unwritable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputUnwritableError(
                f"{self.part} cannot be written: {error.strerror}",
                hint="free that place or name another --output; finished rows are stored",
            ) from error


def _is_of(path: Path, batch: str) -> bool:
    """Whether a file holds nothing, or rows of this batch."""
    with path.open("rb") as file:
        start = file.read(SEARCHED)
    if start.startswith(MAGIC):
        start = sheet_text(path, SEARCHED) or MAGIC
    return (
        not start or re.search(rb"(?<![\w-])%s\.[0-9a-f]{12}\b" % batch.encode(), start) is not None
    )


def open_output_file(path: Path, batch: Batch) -> OutputFile:
    """Open the output file of a batch; raises InputError where the path is not possible."""
    for taken in (path, path.with_name(f"{path.name}.part")):
        if taken.exists() and taken.samefile(batch.request.file):
            raise InputError(f"{taken} is the sheet itself", hint="name another file as --output")
    return OutputFile(path, batch)


async def execute_into(batch: Batch, output: OutputFile | None) -> AsyncGenerator[RowOutcome, None]:
    """Yield each outcome once it is written; raises what paused the batch after the last one."""
    complete = False
    try:
        async with aclosing(batch.execute()) as outcomes:
            async for outcome in outcomes:
                if output is not None:
                    output.add(outcome)
                yield outcome
        complete = not batch.progress.left
    finally:
        if output is not None:
            output.close(complete=complete)
    if batch.paused_by is not None:
        raise batch.paused_by
