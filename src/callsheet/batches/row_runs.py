"""Opens the run of a row: starts it, resumes it, or reads it where it has ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.batches.outcomes import RowOutcome, row_outcome, unreadable_outcome
from callsheet.batches.suspects import Suspects
from callsheet.costs.budget import Budget, chosen_output_limit
from callsheet.engine.journal import Journal, read_view
from callsheet.engine.run_view import RunView
from callsheet.errors import InternalError, ProviderError
from callsheet.events import RunResumed
from callsheet.runs.follow import is_with_workers
from callsheet.runs.listing import row_status
from callsheet.runs.options import RunOptions
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import has_live_owner
from callsheet.store.port import LeaseError, UnreadableRunError
from callsheet.usage import NO_USAGE, Usage
from callsheet.workers.crashes import record_batch_crash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from callsheet.batches.jobs import BatchJobs
    from callsheet.batches.outcomes import OutcomeRules
    from callsheet.batches.request import BatchRequest
    from callsheet.batches.row_parser import Row
    from callsheet.llm.port import LLM
    from callsheet.runs.service import RunService, RunSetup
    from callsheet.runs.session import RunSession
    from callsheet.store.port import RunRow, Store


@dataclass
class RowRuns:
    """The runs of one batch by row; with `retry_failed`, only failed ones are resumed.

    Of the rows that wait for a provider job, those are resumed whose job is over. Where another process
    `continues` a batch after its command, it takes what was in a job, and retries no failure.
    """

    service: RunService
    batch: str
    request: BatchRequest
    jobs: BatchJobs | None = None
    continues: bool = False
    earlier: set[str] = field(default_factory=set)
    interrupted: list[RunRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Only processes of other machines need more than the number of this one.
        beats = self.request.jobs and self.service.settings.database_url is not None
        self.suspects = Suspects(self.service.store, self.batch, beats=beats)

    async def find_earlier(self) -> list[str]:
        """Return the names of the batch's existing runs; raises LeaseError while another executes it.

        Runs that workers still execute, from the same command given before, are no obstacle.
        """
        store = self.service.store
        names = await store.names_starting_with(f"{self.batch}.")
        for name in names:
            row = await store.run(name)
            if not has_live_owner(row) and row_status(row) != "interrupted":
                continue
            if await is_with_workers(self.service, name):
                continue
            if has_live_owner(row := await store.run(name)):
                raise LeaseError(
                    f"the batch {self.batch} is being executed by {row.owner}",
                    hint="wait for it, or end that process",
                )
            self.interrupted.append(row)
        self.earlier = set(names)
        return names

    async def usage(self, runs: list[str]) -> Usage:
        """Return the usage of these runs together."""
        total = NO_USAGE
        for run in runs:
            total += (await read_view(self.service.store, run)).usage
        return total

    async def budget(self, runs: list[str], llm: LLM) -> Budget | None:
        """Return what is left for all rows: these runs cost something, and live jobs may."""
        if self.request.max_cost is None:
            return None
        spent = (await self.usage(runs)).cost_usd
        reserved = self.jobs.reserved_usd if self.jobs else 0.0
        spent = None if spent is None or reserved is None else spent + reserved
        most = chosen_output_limit(llm)
        limit = self.request.max_cost
        return Budget(limit, spent, _budget_hint, owner="the batch's ", most_tokens=most)

    async def open(self, row: Row, setup: RunSetup) -> tuple[RunSession | None, RunView]:
        """Return a session where there is something to do, and the row's view.

        The session has the lease, unless workers execute the run already: then it is followed.
        """
        if row.run not in self.earlier:
            if self.request.retry_failed:
                return None, RunView(row.run)
            options = RunOptions(
                groups=row.groups, accept_defaults=True, idea_check=self.request.idea_check
            )
            session = self.service.begin(setup, row.answers, options, row.run)
            if row.run in self.suspects.without_run:
                session.journal.defer(record_batch_crash(session.view, 0))
                await session.save()
            return session, session.view
        view = await read_view(self.service.store, row.run)
        if not self._needs_execution(view):
            return None, view
        if await is_with_workers(self.service, row.run):
            return self.service.session_without_lease(view, setup.bundle, setup.llm), view
        try:
            session = await self._resume(view, setup)
        except LeaseError:
            # The worker that had it may have finished since it was read.
            view = await read_view(self.service.store, row.run)
            if self._needs_execution(view):
                raise
            return None, view
        return session, session.view

    def note(self, view: RunView) -> None:
        """Note how a row stands, where this execution may come to it again."""
        if self.jobs is not None:
            self.earlier.add(view.run)
            if view.status == "failed":
                self.jobs.reader.failed.add(view.run)

    def _needs_execution(self, view: RunView) -> bool:
        if view.status in ("succeeded", "stopped"):
            return False
        if view.is_parked(time.time()) or self._failed_here(view.run):
            return False
        if self.continues and (view.status == "failed" or not view.in_jobs):
            return False
        if view.submitted is not None:
            live = self.jobs.live if self.jobs else ()
            return not any(record.id == view.job for record in live)
        # A provider failure says nothing about the row: it is tried again.
        own_failure = view.status == "failed" and not _failed_at_provider(view)
        if self.request.retry_failed:
            goes_on = self.request.jobs and view.status == "running"
            return view.status == "failed" or view.question is not None or goes_on
        return not own_failure and view.question is None

    def _failed_here(self, run: str) -> bool:
        """Whether a row has failed in this execution, which may come to it again."""
        return self.jobs is not None and run in self.jobs.reader.failed

    async def _resume(self, view: RunView, setup: RunSetup) -> RunSession:
        store = self.service.store
        resumed = RunResumed(
            llm=setup.llm.spec,
            base_url=setup.base_url,
            max_cost=view.max_cost,
            idea_check=view.idea_check,
            call_options=setup.call_options,
            manner=view.question_policy,
            jobs=self.request.jobs,
        )
        # Deaths are counted since a run was resumed.
        counted = view.status == "running" and self.suspects.deaths.get(view.run)
        events = [] if counted else [resumed]
        lease = await acquire_lease(
            store, view.run, self.service.owner, after=view.seq, events=events
        )
        journal = Journal(store, lease, await read_view(store, view.run))
        return self.service.session(journal, setup.bundle, setup.llm)


async def advance_session(session: RunSession) -> RunView:
    """Advance a row's run as far as possible, or follow it, and close it."""
    try:
        return await (session.advance() if session.has_lease else session.follow())
    except InternalError:
        # It is recorded in the run's journal; one row's defect must not end the others.
        return session.view
    finally:
        await session.close()


async def stored_outcomes(
    store: Store, batch: str, rows: Iterable[Row], rules: OutcomeRules, *, paused: bool = False
) -> AsyncIterator[RowOutcome]:
    """Yield each row's outcome as its run is stored, whoever executes it."""
    existing = set(await store.names_starting_with(f"{batch}."))
    for row in rows:
        try:
            view = await read_view(store, row.run) if row.run in existing else RunView(row.run)
            yield row_outcome(rules, row, view, fresh=False, paused=paused)
        except UnreadableRunError as error:
            yield unreadable_outcome(row, error)


def _failed_at_provider(view: RunView) -> bool:
    return view.error is not None and view.error.exit_code == ProviderError.exit_code


def _budget_hint(*_: object) -> str:
    return "raise --max-cost and give the same command again"
