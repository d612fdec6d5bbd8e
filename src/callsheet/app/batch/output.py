"""The file that the outcomes are written to, row by row: `FILE.part` while it grows, then `FILE`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from callsheet.app.batch.forms import Form
    from callsheet.app.batch.outcomes import Outcome


class Output:
    """A file of outcomes on its way; raises StorageError where it cannot be written."""

    def __init__(self, path: Path, form: Form) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._form = form
        with self._told():
            # Line ends are the form's own.
            self._file: TextIO = self.part.open("w", encoding="utf-8", newline="")
            self._file.write(form.head())

    def add(self, outcome: Outcome) -> None:
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
