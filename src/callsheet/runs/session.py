"""A run at work: it is held while it is carried on, and let go while it waits for a person."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.costs.budget import with_run_budget
from callsheet.costs.receipt_writer import write_receipt
from callsheet.engine.advance import RunContext, advance, answer_question
from callsheet.errors import InputError
from callsheet.events import QuestionAnswered, RunRetried
from callsheet.images import read_base64
from callsheet.runs.document import run_document
from callsheet.store.owners import is_dead, is_held
from callsheet.store.port import HeldError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.costs.receipt import Receipt
    from callsheet.engine.journal import Journal
    from callsheet.engine.run_view import RunView
    from callsheet.events import Event, RecordedEvent
    from callsheet.llm.port import LLM
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.store.port import Lease, Store
    from callsheet.workers.dispatcher import Dispatcher

POLL_SECONDS = 0.5
"""How often a run that another process carries on is looked at."""

ANSWER_PATIENCE_SECONDS = 2.0
"""How long an answer waits for a holder who is only passing through."""


class AlreadyAnsweredError(InputError):
    """Somebody else answered first; `winner` is that answer, None where the question was withdrawn."""

    code = "already_answered"

    def __init__(self, winner: RecordedEvent | None) -> None:
        self.winner = winner
        event = winner.event if winner else None
        if isinstance(event, QuestionAnswered):
            said = event.value if isinstance(event.value, list) else [event.value]
            super().__init__(
                f"the question was answered elsewhere: {', '.join(map(str, said)):.60}",
                hint="the first answer counts",
            )
        else:
            super().__init__("the question is no longer asked", hint="look at the run anew")


async def acquire_lease(
    store: Store, run: str, owner: str, *, after: int = 0, events: Sequence[Event] = ()
) -> Lease:
    """Holds a run, at once where its holder is known to be dead; raises HeldError."""
    row = await store.run(run)
    dead = row.owner if row.owner and is_dead(row.owner) else ""
    return await store.take(run, owner, dead, after=after, events=events)


@dataclass
class RunSession:
    """A run that this process carries on and answers; others may do so while it waits.

    `holder` says, in words, who carried it on when it was opened, where somebody did.
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

    @property
    def view(self) -> RunView:
        """The run as it stands."""
        return self.journal.view

    async def advance(self) -> RunView:
        """Has the run carried on until it ends or a question is open: by workers, else here."""
        self.on_worker = await self._advance_on_workers()
        if self.on_worker:
            return self.view
        if not self.has_lease:
            await self._acquire_lease()
        llm = with_run_budget(self.llm, self.view, self.bundle)
        context = RunContext(self.bundle.definition, self.bundle.resources, llm)
        async with self._heartbeat():
            await advance(self.journal, context)
        await self._release()
        return self.view

    async def answer(self, value: JsonValue, *, idempotency_key: str = "") -> None:
        """Records an answer to the open question.

        A picture is answered as base64 text, and its content is kept with the run. Raises
        AnswerError where it does not fit, AnsweredError where somebody was faster.
        """
        if not self.has_lease:
            await self.check_question_open()
        value, files = self._read_image_answer(value)
        fact = answer_question(self.view, value, once=idempotency_key)
        if self.has_lease:
            await self.journal.append(fact, files=files)
            return
        patience = time.monotonic() + ANSWER_PATIENCE_SECONDS
        while True:
            try:
                await self._acquire_and_record(fact, files)
            except HeldError:
                await self.check_question_open()
                if time.monotonic() > patience:
                    raise
                await asyncio.sleep(POLL_SECONDS / 10)
            else:
                return

    async def check_question_open(self) -> None:
        """Raises AnsweredError where the question that is open here was answered elsewhere."""
        asked, open_here = self.view.asked, self.view.question is not None
        news = await self.journal.catch_up()
        for first in news:
            if isinstance(first.event, QuestionAnswered):
                raise AlreadyAnsweredError(first)
            if isinstance(first.event, RunRetried):
                break
        if open_here and (self.view.question is None or self.view.asked != asked):
            raise AlreadyAnsweredError(None)

    async def follow(self) -> RunView:
        """Watches while others carry the run on; goes on with it where they left it."""
        await self.journal.catch_up()
        while self.view.status == "running":
            try:
                return await self.advance()
            except HeldError:
                await asyncio.sleep(POLL_SECONDS)
            await self.journal.catch_up()
        return self.view

    async def watch(self) -> bool:
        """Hears of each fact until the run ends or asks; False where nobody carries it on any more."""
        await self.journal.catch_up()
        if self.dispatcher is not None:
            return await self.dispatcher.follow(self.journal)
        return await self.journal.watch(POLL_SECONDS, self._is_held)

    async def _is_held(self) -> bool:
        return is_held(await self.store.run(self.view.run))

    async def save(self) -> None:
        """Stores all that is known of the run: from here on it survives this process."""
        await self.journal.append()

    async def write_receipt(self) -> None:
        """Compares what was paid with what all groups would have cost; the document then says it."""
        self.receipt = await write_receipt(self.store, self.view)

    def document(self) -> dict[str, Any]:
        """The run's document, as it stands."""
        return run_document(self.bundle, self.view, self.view.status, self.receipt)

    async def close(self) -> None:
        """Lets go of the run."""
        with suppress(HeldError):
            await self._release()

    def _read_image_answer(self, value: JsonValue) -> tuple[JsonValue, dict[str, str]]:
        """What is recorded of an answer, and the file that is kept for it."""
        question = self.view.question
        words = value.strip() if isinstance(value, str) else ""
        if question is None or question.kind != "picture" or words.lower() in ("", "none"):
            return value, {}
        image = read_base64(words)
        return image.to_json(), {image.hash: image.base64}

    async def _acquire_and_record(self, fact: QuestionAnswered, files: Mapping[str, str]) -> None:
        """Holds the run and records the fact in one: whoever does it first has answered."""
        if self.dispatcher is not None and await self.dispatcher.hand(self.journal, [fact]):
            return
        owner, run = self.journal.lease.owner, self.view.run
        if files:
            # What an answer speaks of is kept in the same transaction, and that needs a holder.
            self.journal.lease = await acquire_lease(self.store, run, owner)
            self.has_lease = True
            if news := await self.journal.catch_up():
                await self._release()
                answers = (each for each in news if isinstance(each.event, QuestionAnswered))
                raise AlreadyAnsweredError(next(answers, None))
            await self.journal.append(fact, files=files)
            return
        self.journal.lease = await acquire_lease(
            self.store, run, owner, after=self.view.seq, events=[fact]
        )
        self.has_lease = True
        await self.journal.catch_up()

    async def _advance_on_workers(self) -> bool:
        """Whether workers have carried the run on; where none has it any more, it is held here."""
        if self.dispatcher is None or not await self.dispatcher.hand(self.journal):
            return False
        self.has_lease = False
        while not await self.dispatcher.follow(self.journal):
            # Who was believed dead may have been slow.
            with suppress(HeldError):
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
            with suppress(asyncio.CancelledError, HeldError):
                await renewal

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self.store.lease_seconds / 3)
            await self.store.beat(self.journal.lease)
