"""An open run: its lease is held while it advances, and released while it waits for a person."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.activity import listening
from callsheet.costs.budget import with_run_budget
from callsheet.costs.receipt_writer import write_receipt
from callsheet.engine.advance import RunContext, advance, answer_question
from callsheet.engine.journal import Journal, read_view
from callsheet.errors import InputError, StateConflictError, StorageError
from callsheet.events import QuestionAnswered, RunRetried
from callsheet.images import read_base64
from callsheet.modules.support.slow_patterns import pattern_places
from callsheet.runs.document import run_document
from callsheet.runs.inputs import check_single_models
from callsheet.store.owners import has_live_owner, is_dead, owner_name
from callsheet.store.port import LeaseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.activity import Activity
    from callsheet.costs.receipt import Receipt
    from callsheet.documents import RunDocument
    from callsheet.engine.run_view import RunView
    from callsheet.events import Event, RecordedEvent
    from callsheet.llm.port import LLM
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.store.port import Lease, Store
    from callsheet.workers.dispatcher import Dispatcher

POLL_SECONDS = 0.5
"""How often the events of a run that another process executes are read."""

ANSWER_SECONDS = 2.0
"""How long an answer waits for a lease that another process holds for a moment."""


class AlreadyAnsweredError(InputError):
    """The question was answered elsewhere; `winner` is that event, None where it was withdrawn."""

    code = "already_answered"

    def __init__(self, winner: RecordedEvent | None) -> None:
        self.winner = winner
        event = winner.event if winner else None
        if isinstance(event, QuestionAnswered):
            values = event.value if isinstance(event.value, list) else [event.value]
            super().__init__(
                f"the question was answered elsewhere: {', '.join(map(str, values)):.60}",
                hint="the first answer counts",
            )
        else:
            super().__init__("the question is no longer asked", hint="show the run again")


async def acquire_lease(
    store: Store, run: str, owner: str, *, after: int = 0, events: Sequence[Event] = ()
) -> Lease:
    """Acquire a run's lease, at once where its owner is known to be dead; raises LeaseError."""
    row = await store.run(run)
    dead = row.owner if row.owner and is_dead(row.owner) else ""
    return await store.acquire(run, owner, dead, after=after, events=events)


async def open_journal(
    store: Store, run: str, listen: Callable[[RecordedEvent, RunView], None] | None = None
) -> Journal:
    """Acquire a run to carry it on; raises StateConflictError while its call is in a provider job."""
    lease = await acquire_lease(store, run, owner_name())
    view = await read_view(store, run)
    if view.job:
        # Most runs import nothing of them.
        from callsheet.runs.job_records import check_in_no_job

        try:
            await check_in_no_job(store, view)
        except StateConflictError:
            await store.release(lease)
            raise
    return Journal(store, lease, view, listen)


@dataclass
class RunSession:
    """An open run that this process advances and answers; others may do so while it waits.

    `holder` describes who executed the run when it was opened, if anybody did. `on_worker` is
    whether a worker advanced it last. `on_activity` is told what the run is doing while this process
    advances it.
    """

    store: Store
    journal: Journal
    bundle: WorkflowBundle
    llm: LLM
    has_lease: bool = True
    receipt: Receipt | None = None
    dispatcher: Dispatcher | None = None
    on_worker: bool = False
    holder: str = ""
    on_activity: Callable[[Activity], None] | None = None

    @property
    def view(self) -> RunView:
        """The run's current view."""
        return self.journal.view

    async def advance(self) -> RunView:
        """Advance the run until it ends or asks a question: on a worker, else in this process."""
        self.on_worker = await self._advance_on_workers()
        if self.on_worker:
            return self.view
        if not self.has_lease:
            await self._acquire_lease()
        llm = self.llm
        if self.view.max_cost is not None:
            llm = with_run_budget(llm, self.view.max_cost, self.view, self.bundle)
        context = RunContext(self.bundle.definition, self.bundle.resources, llm)
        async with self._heartbeat():
            with listening(self.on_activity):
                await advance(self.journal, context)
        await self._release()
        return self.view

    async def answer(self, value: JsonValue, *, idempotency_key: str = "") -> None:
        """Record an answer to the open question.

        An image is given as base64 text, and its content is stored with the run. Raises AnswerError
        where the answer does not fit, AlreadyAnsweredError where another one came first.
        """
        if not self.has_lease:
            await self.check_question_open()
        value, files = self._read_image_answer(value)
        with pattern_places(self.bundle.resources):
            event = answer_question(self.view, value, idempotency_key=idempotency_key)
        check_single_models(self.bundle, event.key, event.value)
        if self.has_lease:
            await self.journal.append(event, files=files)
            return
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                await self._acquire_and_record(event, files)
            except LeaseError:
                await self.check_question_open()
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(POLL_SECONDS / 10)
            else:
                return

    async def record(self, *events: Event) -> None:
        """Record events of a person while nobody executes the run; raises LeaseError.

        Others may have appended since the run was opened: that is a LeaseError, too.
        """
        self.journal.lease = await acquire_lease(
            self.store, self.view.run, self.journal.lease.owner, after=self.view.seq, events=events
        )
        self.has_lease = True
        await self.journal.catch_up()
        await self._release()

    async def check_question_open(self) -> None:
        """Raise AlreadyAnsweredError where the open question was answered elsewhere."""
        number, was_open = self.view.question_seq, self.view.question is not None
        new_events = await self.journal.catch_up()
        for recorded in new_events:
            if isinstance(recorded.event, QuestionAnswered):
                raise AlreadyAnsweredError(recorded)
            if isinstance(recorded.event, RunRetried):
                break
        if was_open and (self.view.question is None or self.view.question_seq != number):
            raise AlreadyAnsweredError(None)

    async def follow(self) -> RunView:
        """Wait while others execute the run, and advance it from where they stopped."""
        await self.journal.catch_up()
        while self.view.status == "running":
            try:
                return await self.advance()
            except LeaseError:
                await asyncio.sleep(POLL_SECONDS)
            await self.journal.catch_up()
        return self.view

    async def watch(self) -> bool:
        """Report each event until the run ends or asks; False where nobody executes it any more."""
        await self.journal.catch_up()
        if self.dispatcher is not None:
            return await self.dispatcher.follow(self.journal)
        return await self.journal.follow(POLL_SECONDS, self._has_live_owner)

    async def _has_live_owner(self) -> bool:
        return has_live_owner(await self.store.run(self.view.run))

    async def save(self) -> None:
        """Store all pending events: from here on the run survives this process."""
        await self.journal.append()

    async def write_receipt(self) -> None:
        """Compare what was paid with what all groups would have cost, for the document."""
        if self.view.usage.tokens:
            self.receipt = await write_receipt(self.store, self.view)

    @property
    def unsaved(self) -> StorageError | None:
        """Why a part of the stored run could not be stored; None where nothing is missing."""
        return self.journal.failure if self.journal.is_created else None

    def document(self) -> RunDocument:
        """Return the run's document; with what was received, where that could not be stored."""
        status = self.view.status if self.unsaved is None else "interrupted"
        return run_document(self.bundle, self.view, status, self.receipt, self.unsaved)

    async def close(self) -> None:
        """Release the run's lease, unless the store has failed already."""
        if self.journal.failure is None:
            with suppress(LeaseError):
                await self._release()

    def _read_image_answer(self, value: JsonValue) -> tuple[JsonValue, dict[str, str]]:
        """Return the value to record for an answer, and the file to store with it."""
        question = self.view.question
        text = value.strip() if isinstance(value, str) else ""
        if question is None or question.kind != "picture" or text.lower() in ("", "none"):
            return value, {}
        image = read_base64(text)
        return image.to_json(), {image.hash: image.base64}

    async def _acquire_and_record(self, event: QuestionAnswered, files: Mapping[str, str]) -> None:
        """Acquire the lease and record the answer in one transaction: the first one counts."""
        if self.dispatcher is not None and await self.dispatcher.dispatch(self.journal, [event]):
            return
        owner, run = self.journal.lease.owner, self.view.run
        if files:
            # A file is stored in the transaction of its event, and that needs the lease.
            self.journal.lease = await acquire_lease(self.store, run, owner)
            self.has_lease = True
            if new_events := await self.journal.catch_up():
                await self._release()
                answers = (each for each in new_events if isinstance(each.event, QuestionAnswered))
                raise AlreadyAnsweredError(next(answers, None))
            await self.journal.append(event, files=files)
            return
        self.journal.lease = await acquire_lease(
            self.store, run, owner, after=self.view.seq, events=[event]
        )
        self.has_lease = True
        await self.journal.catch_up()

    async def _advance_on_workers(self) -> bool:
        """Return whether a worker advanced the run; where none does any more, the lease is acquired."""
        if self.dispatcher is None or not await self.dispatcher.dispatch(self.journal):
            return False
        self.has_lease = False
        while not await self.dispatcher.follow(self.journal):
            # A worker that seemed dead may only have been slow.
            with suppress(LeaseError):
                await self._acquire_lease()
                return False
        return True

    async def _acquire_lease(self) -> None:
        self.journal.lease = await acquire_lease(
            self.store, self.view.run, self.journal.lease.owner
        )
        self.has_lease = True
        await self.journal.catch_up()

    async def _release(self) -> None:
        if self.has_lease:
            self.has_lease = False
            await self.journal.release()

    @asynccontextmanager
    async def _heartbeat(self) -> AsyncIterator[None]:
        renewal = asyncio.create_task(self._keep_lease())
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self.store.lease_seconds / 3)
            try:
                await self.store.renew_lease(self.journal.lease)
            except LeaseError:
                return
            except StorageError:
                # What matters is whether the events can be stored, and that is told there.
                continue
