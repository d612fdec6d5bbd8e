"""Writes the outcomes to a file, row by row: `FILE.part` while it grows, then `FILE`."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, TextIO

from callsheet.batches.writers import writer_for
from callsheet.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.batches.writers import OutcomeWriter


class OutputFile:
    """A file of outcomes that is being written; raises StorageError where it cannot be."""

    def __init__(self, path: Path, writer: OutcomeWriter) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._writer = writer
        with self._storage_errors():
            # The writer sets the line ends.
            self._file: TextIO = self.part.open("w", encoding="utf-8", newline="")
            self._file.write(writer.head())

    def add(self, outcome: RowOutcome) -> None:
        """Write a row's outcome, and flush it for other readers."""
        with self._storage_errors():
            self._file.write(self._writer.body(outcome))
            self._file.flush()

    def close(self, *, complete: bool) -> Path:
        """Move the file to its final path if it is complete; returns where it is."""
        with self._storage_errors():
            self._file.close()
            if not complete:
                return self.part
            self.part.replace(self.path)
            return self.path

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self.part} cannot be written: {error.strerror}",
                hint="free that place or name another --output; finished rows are stored",
            ) from error


def open_output_file(path: Path, batch: Batch) -> OutputFile:
    """Open the output file of a batch; raises InputError where the path is not possible."""
    if path.exists() and path.samefile(batch.request.file):
        raise InputError(f"{path} is the sheet itself", hint="name another file as --output")
    return OutputFile(path, writer_for(path, batch))


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
