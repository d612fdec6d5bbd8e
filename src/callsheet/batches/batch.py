"""The verb: a sheet of ideas is judged whole, then carried out row by row, each row a run.

Nothing of a batch is kept beside its runs. Their names say to which row of which batch they
belong, so the same sheet with the same settings finds them again, whoever was killed meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.batches.batch_llm import BatchLLM
from callsheet.batches.outcomes import BatchProgress, OutcomeRules, RowOutcome, row_outcome
from callsheet.batches.rate_limit import rate_limiter
from callsheet.batches.request import BatchRequest, SheetError
from callsheet.batches.row_parser import Row, RowParser, RowProblem
from callsheet.batches.row_runs import RowRuns
from callsheet.batches.sheet_reader import SheetReader, column_key
from callsheet.errors import InputError, InternalError, ProviderError, error_of
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.providers import provider_of
from callsheet.runs.options import RunOptions
from callsheet.runs.run_pool import PoolStoppedError, RunPool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from callsheet.engine.run_view import RunView
    from callsheet.runs.service import RunService, RunSetup
    from callsheet.runs.session import RunSession


WINDOW = 1_000
"""Rows that may be ahead of the one that is told next: results are told in the sheet's order."""


class Batch:
    """A sheet that was judged and found sound, ready to be carried out.

    `columns` are the sheet's own, `groups` all that any row names, in the config's order.
    """

    def __init__(self, service: RunService, request: BatchRequest) -> None:
        self.request = request
        self.service = service
        # One ceiling over all rows is kept by one process: then it carries them all on itself.
        service.queue = "batch" if service.queue and request.max_cost is None else None
        self.sheet = SheetReader(request.file)
        options = RunOptions(llm=request.llm, base_url=request.base_url)
        self.limiter = ConcurrencyLimiter(
            request.concurrency, allow=rate_limiter(service, options, request.rate_limit)
        )
        self.setup = service.prepare(options, request.workflow, self.limiter)
        provider = provider_of(self.setup.llm.spec)
        if provider is not None and provider.needs_person:
            raise InputError(
                "nobody pastes a whole batch", hint="choose an LLM with --llm, as openai:NAME"
            )
        seed = _settings(request, self.setup)
        self.name = f"{_title(request)}-{seed[:4]}"
        self._judge = RowParser(self.setup.bundle, request.defaults, self.name, seed)
        self.progress = BatchProgress()
        self.columns: list[str] = []
        self.groups: list[str] = []
        self._judge_all()
        self._batch_llm = BatchLLM(self.setup.llm)
        self._hands: dict[str, Row] = {}
        self._ends: dict[str, RowOutcome] = {}
        self._runs = RowRuns(service, self.setup, self.name, request.retry_failed)
        self._pool = RunPool(self._advance, request.concurrency)
        self._stopped: asyncio.Task[None] | None = None

    @property
    def passthrough_columns(self) -> list[str]:
        """The columns that say nothing to callsheet, and go through to the output as they are."""
        return [name for name in self.columns if column_key(name) not in self._judge.understood]

    @property
    def paused_by(self) -> ProviderError | None:
        """Why the batch took no further rows, where the provider was the reason."""
        return self._batch_llm.shut

    def rows(self) -> Iterator[Row]:
        """The rows, read anew; raises InputError where the file has changed meanwhile."""
        for row in self._judge.rows(self.sheet):
            if not isinstance(row, Row):
                raise InputError(f"{self.request.file} has changed meanwhile: {row[0]}")
            yield row

    async def finished(self) -> set[str]:
        """The runs of the batch that are written already."""
        store = self.service.store
        names = await store.names_starting_with(f"{self.name}.")
        return {name for name in names if (await store.run(name)).last == "run_finished"}

    async def execute(self) -> AsyncGenerator[RowOutcome, None]:
        """Carries the rows on, so many at once, and tells each one's end in the sheet's order."""
        await self._begin()
        waiting: deque[Row] = deque()
        try:
            for row in self.rows():
                waiting.append(row)
                await self._hand_in(row)
                while waiting and (len(waiting) >= WINDOW or waiting[0].run in self._ends):
                    yield await self._end(waiting.popleft())
            while waiting:
                yield await self._end(waiting.popleft())
        finally:
            await self.stop(0)
            await self.limiter.end()

    def stop(self, seconds: float = 8.0) -> asyncio.Task[None]:
        """Takes no further rows; those under way have so many seconds to end. The first word holds."""
        if self._stopped is None:
            self._stopped = asyncio.create_task(self._pool.stop(seconds))
        return self._stopped

    def _judge_all(self) -> None:
        """Reads the whole sheet once, and remembers its shape; raises SheetError."""
        problems: list[RowProblem] = []
        columns: dict[str, None] = {}
        groups: dict[str, None] = dict.fromkeys(self.request.defaults.groups)
        for row in self._judge.rows(self.sheet):
            self.progress.total += 1
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.cells))
                groups.update(dict.fromkeys(row.groups))
            else:
                problems += row
        if problems:
            raise SheetError(list(dict.fromkeys(problems)), self.progress.total)
        if not self.progress.total:
            raise InputError(f"{self.request.file} has no rows", hint="one idea on each row")
        self.columns = list(columns)
        catalog = self.setup.bundle.resources.catalog
        every = [group.name for group in catalog.groups()]
        self.groups = every if "all" in groups else catalog.in_order(groups)

    async def _begin(self) -> None:
        """Looks at the batch's runs of before, and opens the till."""
        kept = await self._runs.survey()
        spent: float | None = 0.0
        if self.request.max_cost is not None:
            spent = (await self._runs.spent(kept)).cost_usd
        self._batch_llm = BatchLLM(self.setup.llm, self.request.max_cost, spent)
        self._runs.setup = replace(self.setup, llm=self._batch_llm)

    async def _hand_in(self, row: Row) -> None:
        self._hands[row.run] = row
        try:
            self._pool.add(row.run)
        except PoolStoppedError:
            self._ends[row.run] = RowOutcome(row, "left")
        # Rows are read far faster than they are written: the others must come to work.
        await asyncio.sleep(0)

    async def _end(self, row: Row) -> RowOutcome:
        with suppress(PoolStoppedError):
            await self._pool.wait(row.run)
        outcome = self._ends.pop(row.run, None) or RowOutcome(row, "left")
        del self._hands[row.run]
        if outcome.status == "left":
            self.progress.add(outcome)
        return outcome

    async def _advance(self, run: str) -> None:
        """Carries one row on, if there is anything to be done for it."""
        row = self._hands[run]
        session, view = await self._runs.open(row)
        if session is not None:
            try:
                view = await (session.advance() if session.has_lease else session.follow())
            except InternalError:
                # It stands in the run's journal; a defect that one row meets spares the others.
                view = session.view
            finally:
                await session.close()
            self._judge_elsewhere(session, view)
        standard = OutcomeRules(self.setup.bundle, self.request.strict)
        shut = self._batch_llm.shut is not None
        outcome = row_outcome(standard, row, view, fresh=session is not None, shut=shut)
        self._ends[run] = outcome
        if outcome.status != "left":
            self.progress.add(outcome)
        if shut:
            self.stop(_TO_THE_END)

    def _judge_elsewhere(self, session: RunSession, view: RunView) -> None:
        """What a worker met at the provider counts as if it had been met here."""
        if session.on_worker and view.error is not None:
            error = error_of(view.error.code, view.error.message, view.error.hint)
            if isinstance(error, ProviderError):
                self._batch_llm.judge(error)


_TO_THE_END = 3_600.0
"""Seconds: calls under way have a deadline of their own."""


def _title(request: BatchRequest) -> str:
    """What the batch is called after: the sheet's own name."""
    title = request.title or request.file.stem
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "batch"


def _settings(request: BatchRequest, setup: RunSetup) -> str:
    """What the prompts of all rows depend on beside the rows, as one hash."""
    said = [setup.digest, setup.llm.spec, setup.base_url, request.defaults.groups]
    return hashlib.sha256(
        json.dumps([*said, sorted(request.defaults.brief.items())]).encode()
    ).hexdigest()
