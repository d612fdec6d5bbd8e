"""Hands runs to workers where any are alive, and follows them; with no worker, nobody waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.doors import is_dead, is_held
from callsheet.queue.dbos import VERSION, WORKFLOW
from callsheet.queue.port import QUEUES
from callsheet.store.relay import Errand, Relay
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.journal import Journal
    from callsheet.events import Event
    from callsheet.settings import Settings
    from callsheet.store.port import Store

LOOK_SECONDS = 1.0
"""How long a run may be silent until somebody looks whether it is still in a worker's hands."""


def errand(queue: str) -> Errand:
    """How a run's next segment stands in this queue."""
    return Errand(WORKFLOW, VERSION, queue, QUEUES[queue])


class Workforce:
    """The workers on a database, for one who has runs to be carried on."""

    def __init__(self, store: Store, relay: Relay, queue: str) -> None:
        self._store = store
        self._relay = relay
        self._errand = errand(queue)
        self._handed = False

    async def hand(self, journal: Journal, events: Sequence[Event] = ()) -> bool:
        """Hands the run on with its newest facts, in one transaction; False where nobody would come.

        Raises HeldError where others hold it, or were faster.
        """
        if self._handed:
            return True
        if not await self._relay.workers():
            return False
        await journal.append()
        run, owner = journal.view.run, journal.lease.owner
        holder = (await self._store.run(run)).owner
        dead = holder if holder and is_dead(holder) else ""
        after = journal.view.seq
        await self._relay.hand(run, owner, self._errand, after=after, events=events, dead=dead)
        await journal.catch_up()
        self._handed = True
        return True

    async def follow(self, journal: Journal) -> bool:
        """Hears of each fact until the run ends or asks; False where no worker has it any more."""
        self._handed = False
        return await journal.watch(LOOK_SECONDS, lambda: self._in_hand(journal.view.run))

    async def has(self, run: str) -> bool:
        """Whether workers are carrying the run on, or are about to."""
        return await self._relay.handed_at(run) is not None and await self._in_hand(run)

    async def _in_hand(self, run: str) -> bool:
        if is_held(await self._store.run(run)):
            return True
        return bool(await self._relay.workers()) and await self._relay.handed_at(run) is not None


def open_workforce(settings: Settings, store: Store, queue: str | None) -> Workforce | None:
    """The workers who look into a queue of the settings' database; None where there are none."""
    if queue is None or settings.database_url is None or not isinstance(store, SqlStore):
        return None
    return Workforce(store, Relay(store), queue)
