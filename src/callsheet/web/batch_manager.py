"""The batches that this server carries out, and how each stands: progress, failures, time left."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.batches.batch import Batch
from callsheet.batches.estimate import estimate_batch
from callsheet.batches.snapshot import current_outcomes, current_output
from callsheet.batches.uploads import Upload, UploadStore
from callsheet.errors import CallsheetError, UnknownNameError
from callsheet.llm.providers import DEFAULT_LLM
from callsheet.runs.estimate import MeasuringLLM
from callsheet.runs.service import RunService
from callsheet.web.problems import WebError, defect
from callsheet.web.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from callsheet.batches.outcomes import BatchProgress, RowOutcome
    from callsheet.settings import Settings
    from callsheet.store.port import Store

MOST_NAMED = 100
"""Failed rows that are named one by one; the others are counted."""

STOP_SECONDS = 8.0


@dataclass
class ActiveBatch:
    """A batch in this server's hands."""

    batch: Batch
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)
    stopping: bool = False
    error: CallsheetError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> bool:
        """Whether rows are still being carried on."""
        return self.seconds is None

    async def execute(self) -> None:
        """Carries every row on; whatever stops it is remembered, and shown."""
        try:
            async for outcome in self.batch.execute():
                _name(self.failures, outcome)
            self.error = self.batch.paused_by
        except CallsheetError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  # nobody awaits this task; the page tells of it
            self.error = defect(error)
        finally:
            self.seconds = time.monotonic() - self.began

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Takes no further rows; those under way may end."""
        self.stopping = True
        self.batch.stop(seconds)


class BatchManager:
    """Sheets by the name of their batch: judged, carried out, looked at, downloaded."""

    def __init__(self, settings: Settings, store: Store, workflows: Mapping[str, str]) -> None:
        self._settings = settings
        self._store = store
        self._workflows = workflows
        self._going: dict[str, ActiveBatch] = {}
        self.uploads = UploadStore(settings.home)

    async def judge(self, text: str, terms: Upload) -> dict[str, Any]:
        """Reads every row and prices the whole; raises SheetError with all that is wrong."""

        async def work() -> dict[str, Any]:
            with (
                self.uploads.temporary_sheet(text) as sheet,
                _unnamed(sheet),
                self._looked_at(sheet, terms) as batch,
            ):
                priced = asdict(await estimate_batch(batch))
            return {
                "batch": batch.name,
                "carried": batch.passthrough_columns,
                "groups": batch.groups,
            } | priced

        return await run_in_thread(work)

    async def start(self, text: str, terms: Upload) -> str:
        """Puts a judged sheet away and carries it out; answers with the batch's name."""
        with self.uploads.temporary_sheet(text) as sheet, _unnamed(sheet):
            batch = await asyncio.to_thread(self._batch, sheet, terms)
            if self._is_going(batch.name):
                self._check_same(batch.name, text)
            else:
                kept = Upload(
                    **asdict(terms) | {"rows": batch.progress.total, "began": time.time()}
                )
                self.uploads.save(batch.name, sheet, kept)
        await self.advance(batch.name)
        return batch.name

    async def advance(self, name: str, *, retry_failed: bool = False) -> None:
        """Carries a kept batch on; one that is being carried on is left alone."""
        if self._is_going(name):
            return
        sheet, terms = self.uploads.get(name)
        batch = await asyncio.to_thread(self._batch, sheet, terms, retry_failed=retry_failed)
        if not self._is_going(name):
            going = self._going[name] = ActiveBatch(batch)
            going.task = asyncio.create_task(going.execute())

    def stop(self, name: str) -> None:
        """Takes no further rows of a batch; raises WebError where none is carried on here."""
        self.uploads.get(name)
        if not self._is_going(name):
            raise WebError(409, "not_under_way", f"the batch {name} is not being carried on here")
        self._going[name].stop()

    def forget(self, name: str) -> None:
        """Forgets a sheet, not its runs; raises WebError while it is being carried on."""
        self.uploads.get(name)
        if self._is_going(name):
            raise WebError(409, "run_held", f"the batch {name} is being carried on", hint="stop it")
        self._going.pop(name, None)
        self.uploads.delete(name)

    async def document(self, name: str) -> dict[str, Any]:
        """How a batch stands."""
        sheet, terms = self.uploads.get(name)
        going = self._going.get(name)
        if going is not None:
            return _batch_document(name, terms, going.batch.progress, going.failures) | _pace(going)
        failures: list[dict[str, Any]] = []

        async def work() -> BatchProgress:
            with self._looked_at(sheet, terms) as batch:
                async for outcome in current_outcomes(batch):
                    _name(failures, outcome)
            return batch.progress

        tally = await run_in_thread(work)
        return _batch_document(name, terms, tally, failures) | {
            "status": _ended(tally),
            "error": None,
        }

    async def output(self, name: str, suffix: str) -> str:
        """The prompts so far, in the form of this ending."""
        sheet, terms = self.uploads.get(name)

        async def work() -> str:
            with self._looked_at(sheet, terms) as batch:
                return await current_output(batch, suffix)

        return await run_in_thread(work)

    def all(self) -> list[dict[str, Any]]:
        """Every batch at a glance, newest first."""
        return [
            {"batch": name, "title": terms.title, "rows": terms.rows, "started": terms.began}
            | {"under_way": self._is_going(name)}
            for name, terms in self.uploads.all()
        ]

    async def close(self, seconds: float) -> None:
        """Gives the rows under way this long, and lets go of them; they are kept."""
        going = [each for each in self._going.values() if each.under_way and each.task]
        for each in going:
            each.stop(seconds)
        await asyncio.gather(*(each.task for each in going if each.task), return_exceptions=True)

    def _check_same(self, name: str, text: str) -> None:
        """Raises WebError where another sheet is being carried out under this name."""
        if self.uploads.get(name)[0].read_bytes() != text.encode():
            raise WebError(
                409,
                "run_held",
                f"the batch {name} is being carried on with another sheet",
                hint="wait for it, stop it, or give this sheet another title",
            )

    def is_known(self, name: str) -> bool:
        """Whether how the batch stands is known without looking at its runs."""
        return name in self._going

    def _is_going(self, name: str) -> bool:
        return name in self._going and self._going[name].under_way

    def _batch(self, sheet: Path, terms: Upload, *, retry_failed: bool = False) -> Batch:
        service = RunService(self._settings, store=self._store)
        order = terms.to_request(sheet, self._source(terms), retry_failed=retry_failed)
        return Batch(service, order)

    def _source(self, terms: Upload) -> str:
        if terms.workflow not in self._workflows:
            raise UnknownNameError("workflow", terms.workflow, self._workflows)
        return self._workflows[terms.workflow]

    @contextmanager
    def _looked_at(self, sheet: Path, terms: Upload) -> Iterator[Batch]:
        """The same with a store of its own, for another thread, and an LLM that needs no key."""
        measure = MeasuringLLM(terms.llm or self._settings.llm or DEFAULT_LLM)
        service = RunService(self._settings, llm=measure)
        try:
            yield Batch(service, terms.to_request(sheet, self._source(terms)))
        finally:
            service.store.close()


@contextmanager
def _unnamed(sheet: Path) -> Iterator[None]:
    """Where a sheet lies while it is judged is nobody's affair."""
    try:
        yield
    except CallsheetError as error:
        error.message = error.message.replace(str(sheet), "the sheet")
        raise


def _name(failures: list[dict[str, Any]], outcome: RowOutcome) -> None:
    if outcome.status == "failed" and len(failures) < MOST_NAMED:
        row, message = outcome.row, "; ".join(outcome.problems)
        named = {"row": row.number, "id": row.id, "run": row.run}
        failures.append(named | {"code": outcome.code, "message": message})


def _batch_document(
    name: str, terms: Upload, tally: BatchProgress, failures: list[dict[str, Any]]
) -> dict[str, Any]:
    counted = ("total", "done", "failed", "left", "repaired")
    return {
        "batch": name,
        "title": terms.title,
        "workflow": terms.workflow,
        "llm": terms.llm,
        "groups": [*terms.groups],
        "started": terms.began,
        "rows": {each: getattr(tally, each) for each in counted},
        "usage": asdict(tally.usage),
        "failures": failures,
    }


def _ended(tally: BatchProgress) -> str:
    return "interrupted" if tally.left else "failed" if tally.failed else "succeeded"


def _pace(going: ActiveBatch) -> dict[str, Any]:
    tally, paused = going.batch.progress, going.error
    rest = tally.total - tally.ended
    seconds = time.monotonic() - going.began
    if going.under_way:
        status = "stopping" if going.stopping else "running"
    elif paused is not None:
        status = "paused"
    else:
        status = _ended(tally)
    error = paused and {"code": paused.code, "message": paused.message, "hint": paused.hint}
    return {
        "status": status,
        "error": error,
        "seconds_left": seconds / tally.fresh * rest if going.under_way and tally.fresh else None,
    }
