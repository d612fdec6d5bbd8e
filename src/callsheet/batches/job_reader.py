"""Reads the results of an ended provider job into the runs that wait for it, each run at most once.

It may be read any number of times and by several processes: a run that does not wait for this job any
more is left as it is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.engine.journal import read_view
from callsheet.engine.module_context import call_replied
from callsheet.events import RunFailed, RunResumed
from callsheet.llm.job_types import JobRowError
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import owner_name
from callsheet.store.port import LeaseError, NoSuchRunError, UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.engine.run_view import RunView
    from callsheet.events import Event
    from callsheet.llm.jobs import JobResult, ProviderJobs
    from callsheet.runs.job_records import JobRecord
    from callsheet.store.port import Store

MAX_SUBMISSIONS = 3
"""How often a call is put into a job that does not carry it out, before its row fails."""

AT_ONCE = 32
"""Results that are stored at once: they share transactions."""

PERMANENT = "errored"


@dataclass
class JobReader:
    """Stores results in the runs of one store; `deliver` appends events to a run and lets it go.

    `failed` are the runs that the results have ended.
    """

    store: Store
    deliver: Callable[[RunView, Event], Awaitable[None]] | None = None
    failed: set[str] = field(default_factory=set)

    async def read(self, record: JobRecord, provider: ProviderJobs, *, counts: bool = True) -> None:
        """Store every result of a job; raises ProviderError, and LeaseError while a run is held.

        Unless the job `counts`, no row fails because it was submitted too often.
        """
        chunk: list[JobResult] = []
        async for result in provider.results(record.provider_id):
            chunk.append(result)
            if len(chunk) == AT_ONCE:
                await self._store(record, chunk, counts=counts)
                chunk = []
        await self._store(record, chunk, counts=counts)

    async def _store(self, record: JobRecord, chunk: list[JobResult], *, counts: bool) -> None:
        await asyncio.gather(*(self._take(record, result, counts=counts) for result in chunk))

    async def _take(self, record: JobRecord, result: JobResult, *, counts: bool) -> None:
        job, _, row = result.custom_id.partition("-")
        view = await self._waiting(f"{record.batch}.{row}", record) if job == record.id else None
        if view is None:
            return
        event = _event_of(view, result, counts=counts)
        if isinstance(event, RunFailed):
            self.failed.add(view.run)
        try:
            await (self.deliver or self._append)(view, event)
        except LeaseError:
            # Another process may have read it; where one only holds it, it must be read later.
            if await self._waiting(view.run, record):
                raise

    async def _waiting(self, run: str, record: JobRecord) -> RunView | None:
        """Return the view of a run that waits for this job; None for any other."""
        with suppress(NoSuchRunError, UnreadableRunError):
            view = await read_view(self.store, run)
            if view.job == record.id:
                return view
        return None

    async def _append(self, view: RunView, event: Event) -> None:
        lease = await acquire_lease(
            self.store, view.run, owner_name(), after=view.seq, events=[event]
        )
        # Work that never waits is committed alone: now the other results join the transaction.
        await asyncio.sleep(0)
        await self.store.release(lease)


def _event_of(view: RunView, result: JobResult, *, counts: bool) -> Event:
    """Return what a result means for its run: a reply, a failure, or that it is to be sent again."""
    submitted, outcome = view.submitted, result.outcome
    assert submitted is not None  # noqa: S101  # it waits for a job
    if not isinstance(outcome, JobRowError):
        return call_replied(view, submitted.number, outcome, repair=submitted.repair)
    has_tries = view.submissions < MAX_SUBMISSIONS or not counts
    again = outcome.kind != PERMANENT and has_tries
    if again or outcome.kind == "cancelled":
        return RunResumed(
            llm=view.llm,
            base_url=view.base_url,
            max_cost=view.max_cost,
            idea_check=view.idea_check,
            call_options=view.call_options,
            manner=view.question_policy,
            jobs=True,
        )
    error = outcome.error
    return RunFailed(
        step=submitted.step,
        attempt=submitted.attempt,
        code=error.code,
        message=error.message,
        hint=error.hint,
        exit_code=error.exit_code,
    )
