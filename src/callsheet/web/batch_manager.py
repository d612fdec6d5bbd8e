"""Manages batches: checks uploads, executes them, and describes each: progress, failures, time left."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.batches.batch import Batch
from callsheet.batches.estimate import estimate_batch
from callsheet.batches.jobs import doubtful_job
from callsheet.batches.row_page import RowFilter, row_page
from callsheet.batches.snapshot import current_outcomes, current_output
from callsheet.batches.uploads import Upload, UploadStore
from callsheet.errors import CallsheetError, StateConflictError, UnknownNameError
from callsheet.llm.providers import DEFAULT_LLM
from callsheet.runs.estimate import MeasuringLLM
from callsheet.runs.job_records import JobRecords
from callsheet.runs.service import RunService
from callsheet.web.problems import WebError, defect
from callsheet.web.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from callsheet.batches.outcomes import BatchProgress, RowOutcome
    from callsheet.settings import Settings
    from callsheet.store.port import Store

MAX_LISTED = 100
"""Failed rows that are listed; the others are only counted."""

STOP_SECONDS = 8.0


@dataclass
class ActiveBatch:
    """A batch that this server executes or has executed."""

    batch: Batch
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)
    stopping: bool = False
    error: CallsheetError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_active(self) -> bool:
        """Whether rows are still being executed."""
        return self.seconds is None

    async def execute(self) -> None:
        """Execute every row; keep the error that stops the batch, for its document."""
        try:
            async for outcome in self.batch.execute():
                _add_failure(self.failures, outcome)
            self.error = self.batch.paused_by
        except CallsheetError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  # nobody awaits this task; the document reports it
            self.error = defect(error)
        finally:
            self.seconds = time.monotonic() - self.began

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Start no further row; active rows have this long to finish."""
        self.stopping = True
        self.batch.stop(seconds)


class BatchManager:
    """The batches of one server, by name."""

    def __init__(self, settings: Settings, store: Store, workflows: Mapping[str, str]) -> None:
        self._settings = settings
        self._store = store
        self._workflows = workflows
        self._active: dict[str, ActiveBatch] = {}
        self.uploads = UploadStore(settings.home)

    async def check(self, content: bytes, upload: Upload) -> dict[str, Any]:
        """Validate every row and estimate the cost; raises SheetError with every problem."""

        async def work() -> dict[str, Any]:
            with (
                self.uploads.temporary_sheet(content) as sheet,
                _path_hidden(sheet),
                self._opened(sheet, upload) as batch,
            ):
                estimate = asdict(await estimate_batch(batch))
            return {
                "batch": batch.name,
                "carried": batch.passthrough_columns,
                "groups": batch.groups,
            } | estimate

        return await run_in_thread(work)

    async def start(self, content: bytes, upload: Upload) -> str:
        """Store a sheet and execute it; returns the name of the batch."""
        with self.uploads.temporary_sheet(content) as sheet, _path_hidden(sheet):
            batch = await asyncio.to_thread(self._batch, sheet, upload)
            if self._is_active(batch.name):
                self._check_same(batch.name, content)
            else:
                stored = Upload(
                    **asdict(upload) | {"rows": batch.progress.total, "began": time.time()}
                )
                self.uploads.save(batch.name, sheet, stored)
        await self.resume(batch.name)
        return batch.name

    async def resume(self, name: str, **once: Any) -> None:
        """Execute a stored batch, unless it is active already; `once` as in `Upload.to_request`."""
        if self._is_active(name):
            return
        sheet, upload = self.uploads.get(name)
        batch = await asyncio.to_thread(self._batch, sheet, upload, **once)
        if not self._is_active(name):
            active = self._active[name] = ActiveBatch(batch)
            active.task = asyncio.create_task(active.execute())

    async def resume_waiting(self) -> None:
        """Execute the batches again that wait for provider jobs, unless a person has stopped them."""
        with suppress(CallsheetError):
            for name, terms in (await JobRecords(self._store).under_way()).items():
                # What fails here is told when a person resumes the batch.
                with suppress(CallsheetError):
                    _, upload = self.uploads.get(name)
                    if upload.jobs and terms.hold != "stopped":
                        await self.resume(name, cancel=terms.hold == "cancelled")

    async def stop(self, name: str) -> None:
        """Start no further row of a batch; raises WebError unless this server executes it."""
        self.uploads.get(name)
        if not self._is_active(name):
            raise WebError(409, "not_under_way", f"the batch {name} is not being executed here")
        self._active[name].stop()
        await JobRecords(self._store).stop(name)

    async def cancel_jobs(self, name: str) -> None:
        """Cancel a batch's provider jobs, and read what is done; raises StateConflictError without any."""
        self.uploads.get(name)
        records = await JobRecords(self._store).of(name)
        if not any(record.is_live for record in records):
            raise StateConflictError(
                f"the batch {name} has no job at the provider",
                hint="`jobs` lists those that it had",
            )
        await self._end_execution(name)
        await self.resume(name, cancel=True, jobs=True, wait=True)

    async def resend_job(self, name: str, job: str) -> None:
        """Send a job again that the provider may not have; raises InputError for any other job."""
        self.uploads.get(name)
        records = JobRecords(self._store)
        doubtful_job(await records.of(name), job)
        # It may be on its way to the provider.
        await self._end_execution(name)
        unclear = {each.id for each in await records.of(name) if each.state == "sending"}
        await self.resume(name, resend=job if job in unclear else "", jobs=True, wait=True)

    async def _end_execution(self, name: str) -> None:
        if self._is_active(name) and (task := self._active[name].task):
            self._active[name].stop()
            await asyncio.wait([task])

    def check_idle(self, name: str) -> None:
        """Raise WebError while a batch is being executed, NoSuchRunError where there is none."""
        self.uploads.get(name)
        if self._is_active(name):
            raise WebError(409, "run_held", f"the batch {name} is being executed", hint="stop it")

    def delete(self, name: str) -> None:
        """Delete a sheet, not its runs."""
        self._active.pop(name, None)
        self.uploads.delete(name)

    async def document(self, name: str) -> dict[str, Any]:
        """Return the document of a batch."""
        _, upload = self.uploads.get(name)
        jobs = [record.document() for record in await JobRecords(self._store).of(name)]
        active = self._active.get(name)
        if active is not None:
            progress, failures = active.batch.progress, active.failures
            document = _batch_document(name, upload, progress, failures) | _status(active)
            return document | {"jobs": jobs}
        failures = []

        async def work() -> BatchProgress:
            with self._stored(name) as batch:
                async for outcome in current_outcomes(batch):
                    _add_failure(failures, outcome)
            return batch.progress

        progress = await run_in_thread(work)
        return _batch_document(name, upload, progress, failures) | {
            "status": _final_status(progress),
            "error": None,
            "jobs": jobs,
        }

    async def output(self, name: str, suffix: str) -> bytes:
        """Return the prompts so far, in the format of this file ending."""
        self.uploads.get(name)

        async def work() -> bytes:
            with self._stored(name) as batch:
                return await current_output(batch, suffix)

        return await run_in_thread(work)

    async def rows(self, name: str, wanted: RowFilter) -> dict[str, Any]:
        """Return a page of a batch's rows, as they are stored by now."""
        self.uploads.get(name)

        async def work() -> dict[str, Any]:
            with self._stored(name) as batch:
                rows, after = await row_page(batch, wanted)
            return {"batch": name, "rows": rows, "next": after}

        return await run_in_thread(work)

    def summaries(self) -> list[dict[str, Any]]:
        """List every batch, newest first."""
        return [
            {"batch": name, "title": upload.title, "rows": upload.rows, "started": upload.began}
            | {"under_way": self._is_active(name)}
            for name, upload in self.uploads.all()
        ]

    async def close(self, seconds: float) -> None:
        """Give the active rows this long to finish, then interrupt them."""
        active = [each for each in self._active.values() if each.is_active and each.task]
        for each in active:
            each.stop(seconds)
        await asyncio.gather(*(each.task for each in active if each.task), return_exceptions=True)

    def _check_same(self, name: str, content: bytes) -> None:
        """Raise WebError where another sheet is being executed under this name."""
        if self.uploads.get(name)[0].read_bytes() != content:
            raise WebError(
                409,
                "run_held",
                f"the batch {name} is being executed with another sheet",
                hint="wait for it, stop it, or give this sheet another title",
            )

    def has_progress(self, name: str) -> bool:
        """Whether the batch's progress is known without reading its runs."""
        return name in self._active

    def _is_active(self, name: str) -> bool:
        return name in self._active and self._active[name].is_active

    def _batch(self, sheet: Path, upload: Upload, **once: Any) -> Batch:
        service = RunService(self._settings, store=self._store)
        return Batch(service, upload.to_request(sheet, self._source(upload), **once))

    def _source(self, upload: Upload) -> str:
        if upload.workflow not in self._workflows:
            raise UnknownNameError("workflow", upload.workflow, self._workflows)
        return self._workflows[upload.workflow]

    def _stored(self, name: str) -> AbstractContextManager[Batch]:
        """Open a batch whose runs are only read: whether its LLM still takes jobs does not count."""
        sheet, upload = self.uploads.get(name)
        return self._opened(sheet, replace(upload, jobs=False))

    @contextmanager
    def _opened(self, sheet: Path, upload: Upload) -> Iterator[Batch]:
        """Open the batch with a store of its own, for another thread, and an LLM that needs no key."""
        measure = MeasuringLLM(upload.llm or self._settings.llm or DEFAULT_LLM)
        service = RunService(self._settings, llm=measure)
        try:
            yield Batch(service, upload.to_request(sheet, self._source(upload)))
        finally:
            service.store.close()


@contextmanager
def _path_hidden(sheet: Path) -> Iterator[None]:
    """Keep the path of the temporary sheet out of errors."""
    try:
        yield
    except CallsheetError as error:
        error.message = error.message.replace(str(sheet), "the sheet")
        raise


def _add_failure(failures: list[dict[str, Any]], outcome: RowOutcome) -> None:
    if outcome.status == "failed" and len(failures) < MAX_LISTED:
        row, message = outcome.row, "; ".join(outcome.problems)
        named = {"row": row.number, "id": row.id, "run": row.run}
        failures.append(named | {"code": outcome.code, "message": message})


def _batch_document(
    name: str, upload: Upload, progress: BatchProgress, failures: list[dict[str, Any]]
) -> dict[str, Any]:
    counts = ("total", "done", "failed", "left", "repaired", "waiting")
    return {
        "batch": name,
        "title": upload.title,
        "workflow": upload.workflow,
        "llm": upload.llm,
        "groups": [*upload.groups],
        "started": upload.began,
        "rows": {each: getattr(progress, each) for each in counts},
        "usage": asdict(progress.usage),
        "failures": failures,
    }


def _final_status(progress: BatchProgress) -> str:
    return "interrupted" if progress.left else "failed" if progress.failed else "succeeded"


def _status(active: ActiveBatch) -> dict[str, Any]:
    progress, paused_by = active.batch.progress, active.error
    remaining = progress.total - progress.ended
    seconds = time.monotonic() - active.began
    if active.is_active:
        status = "stopping" if active.stopping else "running"
    elif paused_by is not None:
        status = "paused"
    else:
        status = _final_status(progress)
    error = paused_by and {
        "code": paused_by.code,
        "message": paused_by.message,
        "hint": paused_by.hint,
    }
    return {
        "status": status,
        "error": error,
        "seconds_left": seconds / progress.fresh * remaining
        if active.is_active and progress.fresh and not active.batch.request.jobs
        else None,
    }
