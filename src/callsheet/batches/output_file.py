"""The file that the outcomes are written to, row by row: `FILE.part` while it grows, then `FILE`."""

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
    """A file of outcomes on its way; raises StorageError where it cannot be written."""

    def __init__(self, path: Path, form: OutcomeWriter) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._form = form
        with self._told():
            # Line ends are the form's own.
            self._file: TextIO = self.part.open("w", encoding="utf-8", newline="")
            self._file.write(form.head())

    def add(self, outcome: RowOutcome) -> None:
        """Writes a row's end, and lets others see it."""
        with self._told():
            self._file.write(self._form.body(outcome))
            self._file.flush()

    def close(self, *, whole: bool) -> Path:
        """Puts the file in its place where it is whole; answers with where it is."""
        with self._told():
            self._file.close()
            if not whole:
                return self.part
            self.part.replace(self.path)
            return self.path

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self.part} cannot be written: {error.strerror}",
                hint="free that place or name another --output; what is done is kept",
            ) from error


def open_output_file(path: Path, batch: Batch) -> OutputFile:
    """The file that a batch is to be written to; raises InputError where it cannot be that one."""
    if path.exists() and path.samefile(batch.request.file):
        raise InputError(f"{path} is the sheet itself", hint="name another file as --output")
    return OutputFile(path, writer_for(path, batch))


async def execute_into(batch: Batch, output: OutputFile | None) -> AsyncGenerator[RowOutcome, None]:
    """Each row's end in the sheet's order, once it is written; raises what paused the batch, last."""
    whole = False
    try:
        async with aclosing(batch.execute()) as ends:
            async for end in ends:
                if output is not None:
                    output.add(end)
                yield end
        whole = not batch.progress.left
    finally:
        if output is not None:
            output.close(whole=whole)
    if batch.paused_by is not None:
        raise batch.paused_by
