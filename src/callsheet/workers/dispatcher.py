"""Hands runs to workers where any are alive, and follows them; with no worker, nobody waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.store.owners import is_dead, is_held
from callsheet.store.sql import SqlStore
from callsheet.workers.dbos_queue import VERSION, WORKFLOW
from callsheet.workers.worker_store import QueueEntry, WorkerStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.journal import Journal
    from callsheet.events import Event
    from callsheet.store.port import Store
    from callsheet.workers.queues import QueueName

LOOK_SECONDS = 1.0
"""How long a run may be silent until somebody looks whether it is still in a worker's hands."""


def queue_entry(queue: QueueName) -> QueueEntry:
    """How a run's next segment stands in this queue."""
    return QueueEntry(WORKFLOW, VERSION, queue)


class Dispatcher:
    """The workers on a database, for one who has runs to be carried on."""

    def __init__(self, store: Store, worker_store: WorkerStore, queue: QueueName) -> None:
        self._store = store
        self._worker_store = worker_store
        self._entry = queue_entry(queue)
        self._handed = False

    async def hand(self, journal: Journal, events: Sequence[Event] = ()) -> bool:
        """Hands the run on with its newest facts, in one transaction; False where nobody would come.

        Raises LeaseError where others hold it, or were faster.
        """
        if self._handed:
            return True
        if not await self._worker_store.workers():
            return False
        await journal.append()
        run, owner = journal.view.run, journal.lease.owner
        holder = (await self._store.run(run)).owner
        dead = holder if holder and is_dead(holder) else ""
        after = journal.view.seq
        await self._worker_store.hand(
            run, owner, self._entry, after=after, events=events, dead=dead
        )
        await journal.catch_up()
        self._handed = True
        return True

    async def follow(self, journal: Journal) -> bool:
        """Hears of each fact until the run ends or asks; False where no worker has it any more."""
        self._handed = False
        return await journal.follow(LOOK_SECONDS, lambda: self._in_hand(journal.view.run))

    async def has(self, run: str) -> bool:
        """Whether workers are carrying the run on, or are about to."""
        return await self._worker_store.handed_at(run) is not None and await self._in_hand(run)

    async def _in_hand(self, run: str) -> bool:
        if is_held(await self._store.run(run)):
            return True
        return (
            bool(await self._worker_store.workers())
            and await self._worker_store.handed_at(run) is not None
        )


def open_dispatcher(store: Store, queue: QueueName) -> Dispatcher | None:
    """What hands runs to the workers of a server; None for a store that is not on one."""
    if not isinstance(store, SqlStore):
        return None
    return Dispatcher(store, WorkerStore(store), queue)
