"""A process that begins a run and kills itself with SIGKILL at a given transaction.

`python -m tests.support.self_killing_run PLACE URL before|after NUMBER`: before or after transaction NUMBER
behind the run's first one is committed. With `module`, it dies when NUMBER modules have finished.
With `told`, it speaks to the LLM through the real client, and dies when it has been told NUMBER
values of a reply that is still being written.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from callsheet.engine.journal import Journal
from callsheet.engine.run_view import RunView
from callsheet.events import Event, OutputWritten, RecordedEvent, ValuesFinished
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from tests.support.plain_llm import PlainLLM
from tests.support.runs import IDEA, client_at

GROUPS = ("leonardo", "motion_2_0")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class SelfKillingStore(SqlStore):
    """The real store; the process dies around one of its transactions."""

    moment: str
    number: int
    count = 0

    async def append(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        self.count += 1
        here = self.count == self.number
        if here and self.moment == "before":
            _die()
        written = await super().append(*args, **named)
        if here:
            _die()
        return written


class SelfKillingJournal(Journal):
    """The real journal; the process dies of its last module's fact, before it is stored."""

    left: int

    def defer(self, *events: Event) -> None:
        super().defer(*events)
        self.left -= sum(isinstance(event, OutputWritten) for event in events)
        if self.left <= 0:
            _die()


class SelfKillingListener:
    """Counts the values that are told, and dies of the last one it can take."""

    def __init__(self, number: int) -> None:
        self._left = number

    def hear(self, recorded: RecordedEvent, view: RunView) -> None:
        del view
        if isinstance(recorded.event, ValuesFinished):
            self._left -= len(recorded.event.values)
            if self._left <= 0:
                _die()


def database_at(place: str) -> Path | Postgres:
    """The database of this address, or the file of this path."""
    return Postgres(place) if place.startswith("postgresql://") else Path(place)


async def _main(place: str, url: str, moment: str, number: int) -> None:
    store = SelfKillingStore(database_at(place))
    store.moment, store.number = moment, number
    service = RunService(read_settings(), store=store, llm=PlainLLM(url))
    if moment == "told":
        llm = client_at(url, tick=0)
        service = RunService(
            read_settings(), store=store, llm=llm, listen=SelfKillingListener(number).hear
        )
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=GROUPS))
    if moment == "module":
        session.journal.__class__ = SelfKillingJournal
        vars(session.journal)["left"] = number
    await session.advance()
    await session.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
