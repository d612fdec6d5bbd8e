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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.app.batch.allowing import allow_for
from callsheet.app.batch.outcomes import Outcome, Standard, Tally, outcome_of
from callsheet.app.batch.row_runs import RowRuns
from callsheet.app.batch.rows import Judge, Row, RowProblem, Told
from callsheet.app.batch.sheet import Sheet, plain_name
from callsheet.app.batch.till import Till
from callsheet.app.productions import DEFAULT
from callsheet.app.runs import Office, Ready, Wish
from callsheet.errors import InputError, InternalError, ProviderError, error_of
from callsheet.llm.pace import Pace
from callsheet.queue.local import LocalQueue
from callsheet.queue.port import BATCH, BATCH_QUEUE, Job, QueueStoppedError
from callsheet.store.port import Allowance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from callsheet.app.session import Session
    from callsheet.engine.view import View


PASTE = "paste"

WINDOW = 1_000
"""Rows that may be ahead of the one that is told next: results are told in the sheet's order."""


@dataclass(frozen=True)
class Order:
    """What a person wants done with a sheet; what rows do not say themselves is said here."""

    file: Path
    title: str = ""
    workflow: str = DEFAULT
    told: Told = field(default_factory=Told)
    llm: str | None = None
    base_url: str | None = None
    max_cost: float | None = None
    concurrency: int = 20
    allowed: Allowance = field(default_factory=Allowance)
    retry_failed: bool = False
    strict: bool = False


class SheetError(InputError):
    """A sheet with rows that cannot be carried out; holds every problem, and nothing was paid."""

    code = "bad_rows"

    def __init__(self, problems: list[RowProblem], rows: int) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        super().__init__(
            f"{count} in {rows} rows, so nothing was begun; the first: {problems[0]}",
            hint="mend them and give the command again",
        )
        self.problems = tuple(problems)


class Batch:
    """A sheet that was judged and found sound, ready to be carried out.

    `columns` are the sheet's own, `groups` all that any row names, in the config's order.
    """

    def __init__(self, office: Office, order: Order) -> None:
        self.order = order
        self.office = office
        # One ceiling over all rows is kept by one process: then it carries them all on itself.
        office.queue = BATCH_QUEUE if office.queue and order.max_cost is None else None
        self.sheet = Sheet(order.file)
        wish = Wish(llm=order.llm, base_url=order.base_url)
        self.pace = Pace(order.concurrency, allow=allow_for(office, wish, order.allowed))
        self.ready = office.ready(wish, order.workflow, self.pace)
        if self.ready.llm.spec == PASTE:
            raise InputError(
                "nobody pastes a whole batch", hint="choose an LLM with --llm, as openai:NAME"
            )
        seed = _settings(order, self.ready)
        self.name = f"{_title(order)}-{seed[:4]}"
        self._judge = Judge(self.ready.production, order.told, self.name, seed)
        self.tally = Tally()
        self.columns: list[str] = []
        self.groups: list[str] = []
        self._judge_all()
        self._till = Till(self.ready.llm)
        self._hands: dict[str, Row] = {}
        self._ends: dict[str, Outcome] = {}
        self._runs = RowRuns(office, self.ready, self.name, order.retry_failed)
        self._queue = LocalQueue(self._advance, order.concurrency)
        self._stopped: asyncio.Task[None] | None = None

    @property
    def carried(self) -> list[str]:
        """The columns that say nothing to callsheet, and go through to the output as they are."""
        return [name for name in self.columns if plain_name(name) not in self._judge.understood]

    @property
    def paused_by(self) -> ProviderError | None:
        """Why the batch took no further rows, where the provider was the reason."""
        return self._till.shut

    def rows(self) -> Iterator[Row]:
        """The rows, read anew; raises InputError where the file has changed meanwhile."""
        for row in self._judge.rows(self.sheet):
            if not isinstance(row, Row):
                raise InputError(f"{self.order.file} has changed meanwhile: {row[0]}")
            yield row

    async def finished(self) -> set[str]:
        """The runs of the batch that are written already."""
        store = self.office.store
        names = await store.begun_with(f"{self.name}.")
        return {name for name in names if (await store.run(name)).last == "run_finished"}

    async def carry_out(self) -> AsyncGenerator[Outcome, None]:
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
            await self.pace.end()

    def stop(self, seconds: float = 8.0) -> asyncio.Task[None]:
        """Takes no further rows; those under way have so many seconds to end. The first word holds."""
        if self._stopped is None:
            self._stopped = asyncio.create_task(self._queue.stop(seconds))
        return self._stopped

    def _judge_all(self) -> None:
        """Reads the whole sheet once, and remembers its shape; raises SheetError."""
        problems: list[RowProblem] = []
        columns: dict[str, None] = {}
        groups: dict[str, None] = dict.fromkeys(self.order.told.groups)
        for row in self._judge.rows(self.sheet):
            self.tally.total += 1
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.cells))
                groups.update(dict.fromkeys(row.groups))
            else:
                problems += row
        if problems:
            raise SheetError(list(dict.fromkeys(problems)), self.tally.total)
        if not self.tally.total:
            raise InputError(f"{self.order.file} has no rows", hint="one idea on each row")
        self.columns = list(columns)
        catalog = self.ready.production.materials.catalog
        every = [group.name for group in catalog.groups()]
        self.groups = every if "all" in groups else catalog.in_order(groups)

    async def _begin(self) -> None:
        """Looks at the batch's runs of before, and opens the till."""
        kept = await self._runs.survey()
        spent: float | None = 0.0
        if self.order.max_cost is not None:
            spent = (await self._runs.spent(kept)).cost_usd
        self._till = Till(self.ready.llm, self.order.max_cost, spent)
        self._runs.ready = replace(self.ready, llm=self._till)

    async def _hand_in(self, row: Row) -> None:
        self._hands[row.run] = row
        try:
            await self._queue.put(Job(row.run, BATCH))
        except QueueStoppedError:
            self._ends[row.run] = Outcome(row, "left")
        # Rows are read far faster than they are written: the others must come to work.
        await asyncio.sleep(0)

    async def _end(self, row: Row) -> Outcome:
        with suppress(QueueStoppedError):
            await self._queue.wait(row.run)
        outcome = self._ends.pop(row.run, None) or Outcome(row, "left")
        del self._hands[row.run]
        if outcome.status == "left":
            self.tally.add(outcome)
        return outcome

    async def _advance(self, run: str) -> None:
        """Carries one row on, if there is anything to be done for it."""
        row = self._hands[run]
        session, view = await self._runs.open(row)
        if session is not None:
            try:
                view = await (session.go_on() if session.held else session.follow())
            except InternalError:
                # It stands in the run's journal; a defect that one row meets spares the others.
                view = session.view
            finally:
                await session.close()
            self._judge_elsewhere(session, view)
        standard = Standard(self.ready.production, self.order.strict)
        shut = self._till.shut is not None
        outcome = outcome_of(standard, row, view, fresh=session is not None, shut=shut)
        self._ends[run] = outcome
        if outcome.status != "left":
            self.tally.add(outcome)
        if shut:
            self.stop(_TO_THE_END)

    def _judge_elsewhere(self, session: Session, view: View) -> None:
        """What a worker met at the provider counts as if it had been met here."""
        if session.elsewhere and view.error is not None:
            error = error_of(view.error.code, view.error.message, view.error.hint)
            if isinstance(error, ProviderError):
                self._till.judge(error)


_TO_THE_END = 3_600.0
"""Seconds: calls under way have a deadline of their own."""


def _title(order: Order) -> str:
    """What the batch is called after: the sheet's own name."""
    title = order.title or order.file.stem
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "batch"


def _settings(order: Order, ready: Ready) -> str:
    """What the prompts of all rows depend on beside the rows, as one hash."""
    said = [ready.digest, ready.llm.spec, ready.base_url, order.told.groups]
    return hashlib.sha256(
        json.dumps([*said, sorted(order.told.brief.items())]).encode()
    ).hexdigest()
