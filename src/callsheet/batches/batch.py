"""Executes a sheet of ideas: checks it whole, then runs it row by row, each row a run.

A batch stores nothing beside its runs. A run's name says to which row of which batch it belongs,
so the same sheet with the same settings finds its runs again, whatever process was killed before.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import re
from collections import deque
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from callsheet.batches.batch_llm import BatchLLM
from callsheet.batches.circuit_breaker import CircuitBreaker
from callsheet.batches.outcomes import (
    BatchProgress,
    OutcomeRules,
    RowOutcome,
    row_outcome,
    unsaved_outcome,
)
from callsheet.batches.rate_limit import rate_limiter
from callsheet.batches.repeated_choices import RepeatedChoices
from callsheet.batches.request import DEFAULT_CONCURRENCY, BatchRequest, SheetError
from callsheet.batches.row_parser import Row, RowParser, RowProblem
from callsheet.batches.row_runs import RowRuns
from callsheet.batches.sheet_reader import SheetReader, column_key
from callsheet.call_options import NO_OPTIONS
from callsheet.costs.budget import Budget, chosen_output_limit
from callsheet.errors import InputError, InternalError, ProviderError, StorageError, error_of
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.providers import is_own_server, provider_of
from callsheet.runs.options import RunOptions
from callsheet.runs.run_pool import PoolStoppedError, RunPool
from callsheet.store.port import LeaseError, UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from callsheet.engine.run_view import RunView
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
        # One process alone can keep a budget over all rows, so it executes them itself.
        service.queue = "batch" if service.queue and request.max_cost is None else None
        self.sheet = SheetReader(request.file)
        options = RunOptions(
            llm=request.llm, base_url=request.base_url, call_options=request.call_options
        )
        rows_at_once = request.concurrency or DEFAULT_CONCURRENCY
        own = is_own_server(*service.llm_for(options))
        self.limiter = ConcurrencyLimiter(
            rows_at_once,
            own=own,
            start=1 if own and request.concurrency is None else None,
            rate_limit=rate_limiter(service, options, request.rate_limit),
        )
        self.setup = service.prepare(options, request.workflow, self.limiter)
        provider = provider_of(self.setup.llm.spec)
        if provider is not None and provider.needs_person:
            raise InputError(
                "a batch cannot use the LLM `paste`",
                hint="choose an LLM with --llm, such as openai:NAME",
            )
        seed = _settings_hash(request, self.setup)
        self.name = f"{_title(request)}-{seed[:4]}"
        self._parser = RowParser(self.setup.bundle, request.defaults, self.name, seed)
        self.progress = BatchProgress()
        self.columns: list[str] = []
        self.groups: list[str] = []
        self.open_choices: list[str] = []
        self._choices = RepeatedChoices(rows_at_once, self._parser.open_choices)
        self._check_sheet()
        self._breaker = CircuitBreaker()
        self._llm = BatchLLM(self.setup.llm, self._breaker)
        self._storage_error: StorageError | None = None
        self._rows: dict[str, Row] = {}
        self._outcomes: dict[str, RowOutcome] = {}
        self._runs = RowRuns(service, self.name, request.retry_failed, request.idea_check)
        self._suspects = self._runs.suspects
        self._pool = RunPool(self._advance, rows_at_once)
        self.notice: Callable[[str], None] = lambda _: None
        self._stopping: asyncio.Task[None] | None = None

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
        """Read the rows again; raises InputError where the file has changed meanwhile."""
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
        await self._open_budget()
        await self._find_suspects()
        pending: deque[Row] = deque()
        try:
            await self._execute_alone()
            for row in self.rows():
                pending.append(row)
                await self._submit(row)
                while pending and (len(pending) >= WINDOW or pending[0].run in self._outcomes):
                    yield await self._outcome_of(pending.popleft())
            while pending:
                yield await self._outcome_of(pending.popleft())
        finally:
            await self.stop(0)
            await self._suspects.end()
            await self.limiter.close()

    def stop(self, seconds: float = STOP_SECONDS) -> asyncio.Task[None]:
        """Start no further rows; those in progress have this many seconds. The first call counts."""
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
        for row in self._parser.rows(self.sheet):
            self.progress.total += 1
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.cells))
                groups.update(dict.fromkeys(row.groups))
                self._choices.add(row)
                choices.update(dict.fromkeys(self._parser.open_choices(row)))
            else:
                problems += row
        if problems:
            raise SheetError(list(dict.fromkeys(problems)), self.progress.total)
        if not self.progress.total:
            raise InputError(f"{self.request.file} has no rows", hint="one idea on each row")
        self.columns, self.open_choices = list(columns), list(choices)
        catalog = self.setup.bundle.resources.catalog
        every = catalog.current(group.name for group in catalog.groups()) if "all" in groups else []
        selected = catalog.select([*every, *(name for name in groups if name != "all")])
        self.groups = catalog.names_of(selected.groups, selected.models)

    async def _open_budget(self) -> None:
        """Find the batch's earlier runs, and subtract from the budget what they have cost."""
        earlier = await self._runs.find_earlier()
        budget, limit = None, self.request.max_cost
        if limit is not None:
            spent = (await self._runs.usage(earlier)).cost_usd
            most = chosen_output_limit(self.setup.llm)
            budget = Budget(limit, spent, _budget_hint, owner="the batch's ", most_tokens=most)
        self._llm = BatchLLM(self.setup.llm, self._breaker, budget)

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
        await self._suspects.begin(self.limiter.maximum)

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
            llm = self._llm.repeating(self._choices.left(row))
            session, view = await self._runs.open(row, replace(self.setup, llm=llm))
            if session is not None:
                view = await self._advance_session(session)
        except LeaseError:
            raise
        except UnreadableRunError as error:
            problem = f"{error.message} ({error.hint})"
            self._outcomes[run] = RowOutcome(row, "failed", {}, (problem,), error.code)
            self.progress.add(self._outcomes[run])
            return
        except StorageError as error:
            # What every row would meet: those in progress still receive what they have paid for.
            self._storage_error = self._storage_error or error
            self._outcomes[run] = unsaved_outcome(row, session, error)
            self.stop(_UNTIL_DONE)
            return
        finally:
            self._choices.end(row)
        rules = OutcomeRules(self.setup.bundle, self.request.strict)
        paused = self._breaker.is_open
        outcome = row_outcome(rules, row, view, fresh=session is not None, paused=paused)
        self._outcomes[run] = outcome
        if outcome.status != "left":
            self.progress.add(outcome)
        if paused:
            self.stop(_UNTIL_DONE)

    async def _advance_session(self, session: RunSession) -> RunView:
        try:
            view = await (session.advance() if session.has_lease else session.follow())
        except InternalError:
            # It is recorded in the run's journal; one row's defect must not end the others.
            view = session.view
        finally:
            await session.close()
        self._record_worker_failure(session, view)
        return view

    def _record_worker_failure(self, session: RunSession, view: RunView) -> None:
        """Count a provider failure that a worker met as if it had been met here."""
        if session.on_worker and view.error is not None:
            error = error_of(view.error.code, view.error.message, view.error.hint)
            if isinstance(error, ProviderError):
                self._breaker.record_failure(error)


def _budget_hint(*_: object) -> str:
    return "raise --max-cost and give the same command again"


def _title(request: BatchRequest) -> str:
    """The first part of the batch's name: its title, or the sheet's file name."""
    title = request.title or request.file.stem
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "batch"


def _settings_hash(request: BatchRequest, setup: RunSetup) -> str:
    """Hash everything that the prompts of all rows depend on beside the rows themselves."""
    shared: list[Any] = [
        setup.digest,
        setup.llm.spec,
        setup.base_url,
        request.defaults.groups,
    ]
    # The tier changes no prompt: a batch can be continued at another one.
    asked = replace(setup.call_options, tier=None)
    if asked != NO_OPTIONS:
        shared.append(asdict(asked))
    return hashlib.sha256(
        json.dumps([*shared, sorted(request.defaults.brief.items())]).encode()
    ).hexdigest()
