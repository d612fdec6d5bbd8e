"""Goes on with batches in provider jobs whose command has ended: polls, reads results, and finishes rows.

Everything is in the store: the jobs, the runs, and on which terms a batch goes on. The sheet is not
needed: rows that were never in a job are left to the command.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.batches import jobs as batch_jobs
from callsheet.batches.batch_llm import BatchLLM
from callsheet.batches.circuit_breaker import CircuitBreaker
from callsheet.batches.jobs import BatchJobs
from callsheet.batches.request import DEFAULT_CONCURRENCY, BatchRequest
from callsheet.batches.row_parser import Row
from callsheet.batches.row_runs import RowRuns, advance_session
from callsheet.batches.suspects import executing_mark
from callsheet.engine.journal import read_view
from callsheet.errors import CallsheetError, InternalError
from callsheet.llm.factory import LLMCache
from callsheet.loader.bundle import load_stored
from callsheet.runs.job_records import JobRecords
from callsheet.runs.run_pool import RunPool
from callsheet.runs.service import RunService, RunSetup
from callsheet.store.owners import is_dead
from callsheet.store.port import LeaseError, UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from callsheet.runs.job_records import BatchTerms
    from callsheet.settings import Settings
    from callsheet.store.port import Store

ROWS_AHEAD = 1_000
"""Rows that are added to the pool at once."""


@dataclass
class _Schedule:
    """When a batch is visited next; `live` are its jobs when all rows were last looked at."""

    due: float = 0.0
    pause: float = 0.0
    live: frozenset[str] | None = None
    mark: str = ""
    mark_since: float = 0.0


class JobVisits:
    """Visits the batches of one store that have rows in jobs, each less and less often."""

    def __init__(self, settings: Settings, log: Callable[[str], None]) -> None:
        self._settings, self._log = settings, log
        self._llms = LLMCache(settings)
        self._schedules: dict[str, _Schedule] = {}

    async def __call__(self, store: Store, stop: asyncio.Event) -> None:
        """Visit batches until `stop` is set."""
        while not stop.is_set():
            try:
                await self.visit_due(store, stop)
            except CallsheetError as error:
                self._log(error.message)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), batch_jobs.FIRST_POLL_SECONDS / 3)

    async def visit_due(self, store: Store, stop: asyncio.Event) -> None:
        """Visit every batch once that is due, that nobody executes and that no person has stopped."""
        under_way = await JobRecords(store).under_way()
        self._schedules = {name: self._schedules.get(name, _Schedule()) for name in under_way}
        for batch, terms in under_way.items():
            schedule = self._schedules[batch]
            if stop.is_set() or terms.hold == "stopped" or time.monotonic() < schedule.due:
                continue
            if await self._is_executed(store, batch, schedule):
                continue
            try:
                await self._visit(store, batch, terms, schedule, stop)
            except LeaseError:
                schedule.live = None
            except Exception as error:  # noqa: BLE001  # the other batches go on
                schedule.live = None
                schedule.pause = batch_jobs.LONGEST_POLL_SECONDS
                known = error if isinstance(error, CallsheetError) else InternalError(repr(error))
                self._log(f"the jobs of {batch} wait: {known.message}")
            schedule.due = time.monotonic() + schedule.pause

    async def _is_executed(self, store: Store, batch: str, schedule: _Schedule) -> bool:
        """Whether another process executes a batch; one of another machine sends beats."""
        mark = await store.mark(executing_mark(batch))
        if not mark or is_dead(json.loads(mark)["owner"]):
            return False
        if mark != schedule.mark:
            schedule.mark, schedule.mark_since = mark, time.monotonic()
        return time.monotonic() - schedule.mark_since < 2 * store.lease_seconds

    async def _visit(
        self, store: Store, batch: str, terms: BatchTerms, schedule: _Schedule, stop: asyncio.Event
    ) -> None:
        continuation = await self._continuation(store, batch, terms, stop)
        if continuation is None:
            await JobRecords(store).set_terms(batch, None)
            return
        before = schedule.live
        schedule.live = await continuation.execute(before)
        first, grown = batch_jobs.FIRST_POLL_SECONDS, schedule.pause * batch_jobs.POLL_GROWTH
        schedule.pause = min(max(first, grown), batch_jobs.LONGEST_POLL_SECONDS)
        if schedule.live != before:
            schedule.pause = first

    async def _continuation(
        self, store: Store, batch: str, terms: BatchTerms, stop: asyncio.Event
    ) -> JobContinuation | None:
        """Open a batch by one of its runs that is in jobs; None where it has none."""
        service = RunService(self._settings, store=store, queue=None)
        for run in await store.names_starting_with(f"{batch}."):
            with suppress(UnreadableRunError):
                view = await read_view(store, run)
                if not view.in_jobs:
                    continue
                bundle = await load_stored(store, view.manifest)
                llm = self._llms.open(view.llm, view.base_url, view.call_options)
                asked = (view.base_url, view.call_options, view.manifest)
                records = await JobRecords(store).of(batch)
                request = BatchRequest(
                    Path(),
                    max_cost=terms.max_cost,
                    jobs=True,
                    cancel=terms.hold == "cancelled",
                    repair=terms.repair,
                    command=records[-1].command if records else "",
                )
                setup = RunSetup(bundle, llm, *asked, {})
                return JobContinuation(service, batch, request, setup, stop)
        return None


@dataclass
class JobContinuation:
    """One visit of a batch: rows that are or were in jobs go on as in a command with `--jobs`."""

    service: RunService
    batch: str
    request: BatchRequest
    setup: RunSetup
    stop: asyncio.Event
    _names: list[str] = field(default_factory=list)
    _skipped: bool = False

    def __post_init__(self) -> None:
        store = self.service.store
        self._breaker = CircuitBreaker()
        self._jobs = BatchJobs(store, self.batch, self.request, self.setup, self._breaker)
        self._jobs.stopped = self.stop
        self._runs = RowRuns(self.service, self.batch, self.request, self._jobs, continues=True)
        self._llm = BatchLLM(self.setup.llm, self._breaker, DEFAULT_CONCURRENCY)
        self._pool = RunPool(self._advance, DEFAULT_CONCURRENCY)

    async def execute(self, seen: frozenset[str] | None) -> frozenset[str] | None:
        """Poll the jobs, and go on with all rows where other jobs are live than those `seen`.

        Returns the live jobs, or None where some rows could not be looked at. Raises what no row can
        go on without, such as a key.
        """
        suspects, store = self._runs.suspects, self.service.store
        if seen is None or await store.mark(executing_mark(self.batch)):
            seen = None
            self._names = await self._runs.find_earlier()
            await suspects.find(self._runs.interrupted, ())
        await suspects.begin(0)
        try:
            await self._jobs.look()
            if seen is None or self._live != seen:
                await self._jobs.rounds(self._execute_rows)
        finally:
            await self._pool.stop(0)
            await suspects.end()
            await self._jobs.close()
        self._breaker.check()
        return None if self.stop.is_set() or self._skipped else self._live

    @property
    def _live(self) -> frozenset[str]:
        return frozenset(record.id for record in self._jobs.live)

    async def _execute_rows(self) -> bool:
        suspects = self._runs.suspects
        self._names = self._names or await self._runs.find_earlier()
        self._llm.budget = await self._runs.budget(self._names, self.setup.llm)
        for run in suspects.alone:
            await self._advance(run)
        await suspects.begin(self._pool.concurrency)
        for start in range(0, len(self._names), ROWS_AHEAD):
            if self.stop.is_set() or self._breaker.is_open:
                break
            names = self._names[start : start + ROWS_AHEAD]
            for run in names:
                self._pool.add(run)
            for run in names:
                with suppress(UnreadableRunError):
                    await self._pool.wait(run)
        await suspects.begin(0)
        return not self._skipped

    async def _advance(self, run: str) -> None:
        row = Row(0, "", {}, (), {}, run)
        llm = self._jobs.llm_for(run, self._llm, cached=False)
        try:
            session, view = await self._runs.open(row, replace(self.setup, llm=llm))
            if session is not None:
                view = await advance_session(session)
            self._jobs.settle(run, stored=True)
        except LeaseError:
            self._skipped = True
            return
        finally:
            self._jobs.settle(run, stored=False)
        self._runs.note(view)
