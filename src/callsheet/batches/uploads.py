"""Stores sheets that were uploaded over HTTP, each in a folder named after its batch."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.batches.request import BatchRequest
from callsheet.batches.row_parser import RowDefaults
from callsheet.call_options import CallOptions
from callsheet.errors import StorageError, storage_error_class
from callsheet.store.port import NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from callsheet.call_options import Effort, Tier
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.runs.job_records import RepairBy

SHEET, OPTIONS = "sheet.txt", "terms.json"

NAME = re.compile(r"[a-z0-9-]{1,60}")
"""The form of a batch name; nothing else becomes part of a path."""


@dataclass(frozen=True)
class Upload:
    """The options of an uploaded sheet, the same as those of `callsheet batch`."""

    title: str
    workflow: str
    groups: Sequence[str] = ()
    brief: Mapping[str, str] = field(default_factory=dict)
    llm: str | None = None
    max_cost: float | None = None
    concurrency: int | None = None
    idea_check: IdeaCheckMode | None = None
    tier: Tier | None = None
    effort: Effort | None = None
    temperature: float | None = None
    jobs: bool = False
    repair: RepairBy = "live"
    began: float = 0.0
    rows: int = 0

    def to_request(self, sheet: Path, source: str, **once: Any) -> BatchRequest:
        """Return the batch request for this sheet; `source` is the workflow's path or name.

        `once` are the options of this execution alone, such as `retry_failed` and `cancel`.
        """
        request = BatchRequest(
            sheet,
            title=self.title,
            workflow=source,
            defaults=RowDefaults(tuple(self.groups), self.brief),
            llm=self.llm,
            max_cost=self.max_cost,
            concurrency=self.concurrency,
            idea_check=self.idea_check,
            call_options=CallOptions(self.tier, self.effort, self.temperature),
            jobs=self.jobs,
            wait=self.jobs,
            repair=self.repair,
        )
        return replace(request, **once)


class UploadStore:
    """Uploaded sheets with their options, stored below callsheet's home folder."""

    def __init__(self, home: Path) -> None:
        self._root = home / "batches"

    @contextmanager
    def temporary_sheet(self, content: bytes) -> Iterator[Path]:
        """Yield the content as a sheet file; it is removed afterwards unless it was saved."""
        with _storage_errors(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
        try:
            with _storage_errors(folder):
                (folder / SHEET).write_bytes(content)
            yield folder / SHEET
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def save(self, batch: str, sheet: Path, upload: Upload) -> Path:
        """Move a sheet to its batch's folder, in place of an earlier one."""
        folder = self._folder(batch)
        with _storage_errors(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            options = asdict(upload) | {"began": upload.began or time.time()}
            written = sheet.with_name(OPTIONS)
            written.write_text(json.dumps(options), "utf-8")
            sheet.replace(folder / SHEET)
            written.replace(folder / OPTIONS)
        return folder / SHEET

    def get(self, batch: str) -> tuple[Path, Upload]:
        """Return a sheet and its options; raises NoSuchRunError."""
        folder = self._folder(batch)
        try:
            upload = Upload(**json.loads((folder / OPTIONS).read_text("utf-8")))
        except FileNotFoundError:
            raise _unknown(batch) from None
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"the batch {batch} cannot be read: {error}") from error
        return folder / SHEET, upload

    def all(self) -> list[tuple[str, Upload]]:
        """List every uploaded batch, newest first."""
        files = self._root.glob(f"*/{OPTIONS}") if self._root.is_dir() else ()
        names = [each.parent.name for each in files if NAME.fullmatch(each.parent.name)]
        uploads = [(name, self.get(name)[1]) for name in names]
        return sorted(uploads, key=lambda each: each[1].began, reverse=True)

    def delete(self, batch: str) -> None:
        """Delete a sheet; its runs stay."""
        shutil.rmtree(self._folder(batch), ignore_errors=True)

    def _folder(self, batch: str) -> Path:
        if not NAME.fullmatch(batch):
            raise _unknown(batch)
        return self._root / batch


def _unknown(batch: str) -> NoSuchRunError:
    return NoSuchRunError(f"there is no batch {batch!r:.80}", hint="drop its sheet again")


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error_class(error)(
            f"{path} cannot be written: {error.strerror}",
            hint="free that place; nothing was started",
        ) from error
