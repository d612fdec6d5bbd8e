"""Executes a sheet of ideas: checks it whole, then runs it row by row, each row a run.

A batch stores nothing beside its runs. A run's name says to which row of which batch it belongs,
so the same sheet with the same settings finds its runs again, whatever process was killed before.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.batches.batch_llm import BatchLLM, rows_for
from callsheet.batches.circuit_breaker import CircuitBreaker
from callsheet.batches.outcomes import (
    BatchProgress,
    OutcomeRules,
    RowOutcome,
    row_outcome,
    unreadable_outcome,
    unsaved_outcome,
)
from callsheet.batches.rate_limit import rate_limiter
from callsheet.batches.repeated_choices import RepeatedChoices
from callsheet.batches.request import DEFAULT_CONCURRENCY, BatchRequest, SheetError
from callsheet.batches.row_parser import Row, RowParser, RowProblem, batch_title, settings_hash
from callsheet.batches.row_runs import RowRuns, advance_session, stored_outcomes
from callsheet.batches.row_selection import RowSelection
from callsheet.batches.sheet_reader import SheetReader, column_key
from callsheet.errors import (
    InputError,
    ProviderError,
    StorageError,
    error_of,
)
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.providers import is_own_server, provider_of
from callsheet.runs.options import RunOptions
from callsheet.runs.run_pool import PoolStoppedError, RunPool
from callsheet.store.port import JOB_MARK, LeaseError, UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from callsheet.batches.jobs import BatchJobs
    from callsheet.engine.run_view import RunView
    from callsheet.llm.port import LLM
    from callsheet.runs.service import RunService, RunSetup
    from callsheet.runs.session import RunSession


WINDOW = 1_000
"""Rows that may be ahead of the next one to be reported: results come in the sheet's order."""

STOP_SECONDS = 8.0

_UNTIL_DONE = 3_600.0
"""Seconds; calls in progress have a deadline of their own."""


class Batch:
    """A sheet that was checked and is ready to be executed.

    `columns` are the sheet's own, `groups` all that any row names, in the config's order. `notice`
    receives what a person should know before rows are executed.
    """

    def __init__(self, service: RunService, request: BatchRequest) -> None:
        self.request, self.service = request, service
        # One process alone can keep a budget over all rows, or pack them, so it executes them itself.
        alone = request.max_cost is not None or request.jobs
        service.queue = "batch" if service.queue and not alone else None
        self.sheet = SheetReader(request.file)
        calls = request.concurrency or DEFAULT_CONCURRENCY
        self.setup, self.limiter = _prepare(service, request, calls)
        seed = settings_hash(request.defaults, self.setup)
        self.name = f"{batch_title(request.title or request.file.stem)}-{seed[:4]}"
        self._parser = RowParser(self.setup.bundle, request.defaults, self.name, seed)
        self.progress = BatchProgress()
        self._choices = RepeatedChoices(calls, self._parser.open_choices)
        self._selection = RowSelection(request.limit, request.sample)
        self._check_sheet()
        self._breaker = CircuitBreaker()
        self._llm = BatchLLM(self.setup.llm, self._breaker, calls)
        self._runs = RowRuns(service, self.name, request)
        self.jobs: BatchJobs | None = None
        self._suspects = self._runs.suspects
        self._pool = RunPool(self._advance, rows_for(calls))
        self.notice: Callable[[str], None] = lambda _: None
        self._stopping: asyncio.Task[None] | None = None
        self._storage_error: StorageError | None = None
        self._rows: dict[str, Row] = {}
        self._outcomes: dict[str, RowOutcome] = {}
        self._unsaved: dict[str, RowOutcome] = {}

    @property
    def passthrough_columns(self) -> list[str]:
        """The columns that callsheet does not read, and copies to the output as they are."""
        known = self._parser.known_columns
        return [name for name in self.columns if column_key(name) not in known]

    @property
    def notices(self) -> list[str]:
        """What to know about the groups of all rows: which are replaced, and which close."""
        catalog, today = self.setup.bundle.resources.catalog, dt.datetime.now(dt.UTC).date()
        groups = map(catalog.group, catalog.select(self.groups).groups)
        return [notice for group in groups if (notice := group.notice(today))]

    @property
    def paused_by(self) -> ProviderError | StorageError | None:
        """The error of provider or storage because of which the batch started no further rows."""
        return self._storage_error or self._breaker.error

    def rows(self) -> Iterator[Row]:
        """Read the selected rows again; raises InputError where the file has changed meanwhile."""
        return self._selection.of(self._all_rows())

    def _all_rows(self) -> Iterator[Row]:
        for row in self._parser.rows(self.sheet):
            if not isinstance(row, Row):
                raise InputError(f"{self.request.file} has changed meanwhile: {row[0]}")
            yield row

    async def finished_runs(self) -> set[str]:
        """Return the names of the batch's runs that have finished."""
        store = self.service.store
        names = await store.names_starting_with(f"{self.name}.")
        return {name for name in names if (await store.run(name)).last_event == "run_finished"}

    async def execute(self) -> AsyncGenerator[RowOutcome, None]:
        """Execute the rows, a bounded number at once, and yield outcomes in the sheet's order."""
        earlier = await self._runs.find_earlier()
        await self._find_suspects()
        try:
            await self._look_at_jobs()
            if self.jobs is not None:
                await self.jobs.rounds(self._execute_round)
                outcomes = self._outcomes_so_far()
            else:
                await self._open_budget(earlier)
                outcomes = self._execute_rows()
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    yield outcome
        finally:
            await self.stop(0)
            await self._suspects.end()
            await self.limiter.close()
            if self.jobs is not None:
                await self.jobs.close()

    async def _look_at_jobs(self) -> None:
        """Find out how the batch's provider jobs stand, where it has any or is to have some."""
        if self.request.jobs or await self.service.store.marks(f"{JOB_MARK}{self.name} "):
            # An ordinary batch imports nothing of them.
            from callsheet.batches.jobs import BatchJobs

            store, name = self.service.store, self.name
            jobs = BatchJobs(store, name, self.request, self.setup, self._breaker)
            self.jobs = self._runs.jobs = jobs
            await self._suspects.begin(0)
            await jobs.begin()
            await jobs.look()

    async def _execute_rows(self) -> AsyncGenerator[RowOutcome, None]:
        """Execute the rows once, and yield outcomes in the sheet's order."""
        await self._execute_alone()
        pending: deque[Row] = deque()
        for row in self.rows():
            pending.append(row)
            await self._submit(row)
            while pending and (len(pending) >= WINDOW or pending[0].run in self._outcomes):
                yield await self._outcome_of(pending.popleft())
        while pending:
            yield await self._outcome_of(pending.popleft())

    async def _execute_round(self) -> bool:
        """Execute the rows until they end or wait for provider jobs; whether those are all rows."""
        earlier = await self.service.store.names_starting_with(f"{self.name}.")
        await self._open_budget(earlier)
        self.progress.restart()
        async for outcome in self._execute_rows():
            if outcome.code and outcome.status == "left":
                self._unsaved[outcome.row.run] = outcome
        await self._suspects.begin(0)
        return self.request.limit is None and self.request.sample is None

    async def _outcomes_so_far(self) -> AsyncGenerator[RowOutcome, None]:
        """Yield every row's outcome as it is stored, or as it was received where it could not be."""
        self.progress.restart()
        rules = OutcomeRules(self.setup.bundle, self.request.strict)
        paused, store = self._breaker.is_open, self.service.store
        stored = stored_outcomes(store, self.name, self.rows(), rules, paused=paused)
        async for outcome in stored:
            self.progress.add(outcome)
            yield self._unsaved.get(outcome.row.run, outcome)

    def stop(self, seconds: float = STOP_SECONDS) -> asyncio.Task[None]:
        """Start no further rows; those in progress have this many seconds. The first call counts."""
        if self.jobs is not None:
            self.jobs.stopped.set()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(seconds))
        return self._stopping

    async def _stop(self, seconds: float) -> None:
        await asyncio.gather(self._pool.stop(seconds), self._suspects.end())

    def _check_sheet(self) -> None:
        """Read the whole sheet once for its columns, groups and row count; raises SheetError."""
        problems: list[RowProblem] = []
        columns: dict[str, None] = {}
        choices: dict[str, None] = {}
        groups: dict[str, None] = dict.fromkeys(self.request.defaults.groups)
        number = 0
        for number, row in enumerate(self._parser.rows(self.sheet), start=1):
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.cells))
                groups.update(dict.fromkeys(row.groups))
                self._selection.add(row)
                if self.request.sample is None and number == self._selection.total:
                    self._choices.add(row)
                choices.update(dict.fromkeys(self._parser.open_choices(row)))
            else:
                problems += row
        if problems:
            raise SheetError(list(dict.fromkeys(problems)), number)
        if not number:
            raise InputError(f"{self.request.file} has no rows", hint="one idea on each row")
        self.progress.total = self._selection.total
        for row in self.rows() if self.request.sample is not None else ():
            self._choices.add(row)
        self.columns, self.open_choices = list(columns), list(choices)
        catalog = self.setup.bundle.resources.catalog
        every = catalog.current(group.name for group in catalog.groups()) if "all" in groups else []
        selected = catalog.select([*every, *(name for name in groups if name != "all")])
        self.groups = catalog.names_of(selected.groups, selected.models)

    async def _open_budget(self, earlier: list[str]) -> None:
        """Subtract from the budget what earlier runs have cost, and what live jobs may cost."""
        self._llm.budget = await self._runs.budget(earlier, self.setup.llm)

    async def _find_suspects(self) -> None:
        """Record which rows were under way when the batch's earlier process died, if it did."""
        earlier, started = self._runs.earlier, not self.request.retry_failed
        unstored = (row.run for row in self.rows() if started and row.run not in earlier)
        if found := await self._suspects.find(self._runs.interrupted, unstored):
            alone = len(self._suspects.alone)
            self.notice(
                f"the batch's process died with {found} of its rows under way, at most"
                + (f"; {alone} of them run alone first, one after another" if alone else "")
            )

    async def _execute_alone(self) -> None:
        """Execute the rows that the next death would blame, with nothing beside them."""
        if alone := self._suspects.alone:
            await self._suspects.begin(0)
            for row in self.rows():
                if row.run in alone:
                    await self._submit(row)
                    with suppress(PoolStoppedError):
                        await self._pool.wait(row.run)
        await self._suspects.begin(self._pool.concurrency)

    async def _submit(self, row: Row) -> None:
        self._rows[row.run] = row
        if row.run in self._outcomes:
            return
        try:
            self._pool.add(row.run)
        except PoolStoppedError:
            self._outcomes[row.run] = RowOutcome(row, "left")
        # Rows are read far faster than they are written: let the other tasks run.
        await asyncio.sleep(0)

    async def _outcome_of(self, row: Row) -> RowOutcome:
        with suppress(PoolStoppedError):
            await self._pool.wait(row.run)
        outcome = self._outcomes.pop(row.run, None) or RowOutcome(row, "left")
        del self._rows[row.run]
        if outcome.status == "left":
            self.progress.add(outcome)
        return outcome

    async def _advance(self, run: str) -> None:
        """Advance one row's run, if there is anything to be done for it."""
        row = self._rows[run]
        session: RunSession | None = None
        try:
            setup = replace(self.setup, llm=self._llm_for(row))
            session, view = await self._runs.open(row, setup)
            if session is not None:
                view = await advance_session(session)
                self._record_worker_failure(session, view)
            self._settle(run, stored=True)
        except LeaseError:
            raise
        except UnreadableRunError as error:
            self._end(unreadable_outcome(row, error))
            return
        except StorageError as error:
            # What every row would meet: those in progress still receive what they have paid for.
            self._storage_error = self._storage_error or error
            self._outcomes[run] = unsaved_outcome(row, session, error)
            self.stop(_UNTIL_DONE)
            return
        finally:
            self._choices.end(row)
            self._settle(run, stored=False)
        self._runs.note(view)
        rules = OutcomeRules(self.setup.bundle, self.request.strict)
        paused = self._breaker.is_open
        self._end(row_outcome(rules, row, view, fresh=session is not None, paused=paused))
        if paused:
            self.stop(_UNTIL_DONE)

    def _settle(self, run: str, *, stored: bool) -> None:
        """Say whether a row's run is stored, in case that its call goes into a provider job."""
        if self.jobs is not None:
            self.jobs.settle(run, stored=stored)

    def _llm_for(self, row: Row) -> LLM:
        llm = self._llm.repeating(self._choices.left(row))
        if self.jobs is None or not self.request.jobs:
            return llm
        return self.jobs.llm_for(row.run, llm, cached=self._choices.is_shared(row))

    def _end(self, outcome: RowOutcome) -> None:
        self._outcomes[outcome.row.run] = outcome
        if outcome.status != "left":
            self.progress.add(outcome)

    def _record_worker_failure(self, session: RunSession, view: RunView) -> None:
        """Count a provider failure that a worker met as if it had been met here."""
        if session.on_worker and view.error is not None:
            error = error_of(view.error.code, view.error.message, view.error.hint)
            if isinstance(error, ProviderError):
                self._breaker.record_failure(error)


def _prepare(
    service: RunService, request: BatchRequest, calls: int
) -> tuple[RunSetup, ConcurrencyLimiter]:
    """Open the workflow and the LLM, and return them with what bounds the LLM's calls."""
    options = RunOptions(
        llm=request.llm, base_url=request.base_url, call_options=request.call_options
    )
    own = is_own_server(*service.llm_for(options))
    limiter = ConcurrencyLimiter(
        calls,
        own=own,
        start=1 if own and request.concurrency is None else None,
        rate_limit=rate_limiter(service, options, request.rate_limit),
    )
    setup = service.prepare(options, request.workflow, limiter)
    provider = provider_of(setup.llm.spec)
    if provider is not None and provider.needs_person:
        raise InputError(
            "a batch cannot use the LLM `paste`",
            hint="choose an LLM with --llm, such as openai:NAME",
        )
    if request.jobs:
        from callsheet.llm.jobs import check_jobs

        check_jobs(setup.llm.spec, setup.base_url, setup.call_options)
    return setup, limiter
