"""Keeps the sheets that were handed in without being files: each in a folder of its own, by its batch."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.batches.request import BatchRequest
from callsheet.batches.row_parser import RowDefaults
from callsheet.errors import StorageError, refused
from callsheet.store.port import NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHEET, TERMS = "sheet.txt", "terms.json"

NAME = re.compile(r"[a-z0-9-]{1,60}")
"""What a batch is called; nothing else becomes a part of a path."""


@dataclass(frozen=True)
class Upload:
    """What a person wants done with a sheet: the words of `callsheet batch`."""

    title: str
    workflow: str
    groups: Sequence[str] = ()
    brief: Mapping[str, str] = field(default_factory=dict)
    llm: str | None = None
    max_cost: float | None = None
    concurrency: int = 10
    began: float = 0.0
    rows: int = 0

    def to_request(self, sheet: Path, source: str, *, retry_failed: bool = False) -> BatchRequest:
        """The order for this sheet; `source` is where the workflow is found."""
        return BatchRequest(
            sheet,
            title=self.title,
            workflow=source,
            defaults=RowDefaults(tuple(self.groups), self.brief),
            llm=self.llm,
            max_cost=self.max_cost,
            concurrency=self.concurrency,
            retry_failed=retry_failed,
        )


class UploadStore:
    """Sheets with their terms, kept below the folder where runs are kept."""

    def __init__(self, home: Path) -> None:
        self._place = home / "batches"

    @contextmanager
    def laid_out(self, text: str) -> Iterator[Path]:
        """The text as a sheet that can be judged; gone afterwards unless it was put away."""
        with _told(self._place):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._place))
        try:
            with _told(folder):
                (folder / SHEET).write_text(text, "utf-8", newline="")
            yield folder / SHEET
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, batch: str, sheet: Path, terms: Upload) -> Path:
        """Puts a sheet away under its batch's name, in the place of an earlier one."""
        folder = self._folder(batch)
        with _told(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            kept = asdict(terms) | {"began": terms.began or time.time()}
            written = sheet.with_name(TERMS)
            written.write_text(json.dumps(kept), "utf-8")
            sheet.replace(folder / SHEET)
            written.replace(folder / TERMS)
        return folder / SHEET

    def get(self, batch: str) -> tuple[Path, Upload]:
        """A sheet and its terms; raises NoSuchRunError."""
        folder = self._folder(batch)
        try:
            terms = Upload(**json.loads((folder / TERMS).read_text("utf-8")))
        except FileNotFoundError:
            raise _unknown(batch) from None
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"the batch {batch} cannot be read: {error}") from error
        return folder / SHEET, terms

    def all(self) -> list[tuple[str, Upload]]:
        """Every batch, newest first."""
        found = self._place.glob(f"*/{TERMS}") if self._place.is_dir() else ()
        names = [each.parent.name for each in found if NAME.fullmatch(each.parent.name)]
        kept = [(name, self.get(name)[1]) for name in names]
        return sorted(kept, key=lambda each: each[1].began, reverse=True)

    def drop(self, batch: str) -> None:
        """Forgets a sheet."""
        shutil.rmtree(self._folder(batch), ignore_errors=True)

    def _folder(self, batch: str) -> Path:
        if not NAME.fullmatch(batch):
            raise _unknown(batch)
        return self._place / batch


def _unknown(batch: str) -> NoSuchRunError:
    return NoSuchRunError(f"there is no batch {batch!r:.80}", hint="drop its sheet again")


@contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refused(error)(
            f"{place} cannot be written: {error.strerror}",
            hint="free that place; nothing was begun",
        ) from error
