"""Queues runs for workers and follows them; without a live worker, the caller executes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.store.owners import has_live_owner, is_dead
from callsheet.store.sql import SqlStore
from callsheet.workers.dbos_queue import VERSION, WORKFLOW
from callsheet.workers.worker_store import QueueEntry, WorkerStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.journal import Journal
    from callsheet.events import Event
    from callsheet.store.port import Store
    from callsheet.workers.queues import QueueName

CHECK_SECONDS = 1.0
"""How long a run may have no event until its worker is checked."""


def queue_entry(queue: QueueName) -> QueueEntry:
    """The entry of a run in this queue."""
    return QueueEntry(WORKFLOW, VERSION, queue)


class Dispatcher:
    """Queues runs for the workers of a database."""

    def __init__(self, store: Store, worker_store: WorkerStore, queue: QueueName) -> None:
        self._store = store
        self._worker_store = worker_store
        self._entry = queue_entry(queue)
        self._dispatched = False

    async def dispatch(self, journal: Journal, events: Sequence[Event] = ()) -> bool:
        """Appends events and queues the run, in one transaction; False where no worker is alive.

        Raises LeaseError where another process owns the run, or has appended meanwhile.
        """
        if self._dispatched:
            return True
        if not await self._worker_store.workers():
            return False
        await journal.append()
        run, owner = journal.view.run, journal.lease.owner
        current = (await self._store.run(run)).owner
        dead = current if current and is_dead(current) else ""
        after = journal.view.seq
        await self._worker_store.enqueue_run(
            run, owner, self._entry, after=after, events=events, dead=dead
        )
        await journal.catch_up()
        self._dispatched = True
        return True

    async def follow(self, journal: Journal) -> bool:
        """Publishes events until the run ends or asks; False where no worker has it any more."""
        self._dispatched = False
        return await journal.follow(CHECK_SECONDS, lambda: self._is_in_progress(journal.view.run))

    async def has_run(self, run: str) -> bool:
        """Whether the run is queued, or executed by a worker."""
        queued = await self._worker_store.queued_at(run) is not None
        return queued and await self._is_in_progress(run)

    async def _is_in_progress(self, run: str) -> bool:
        if has_live_owner(await self._store.run(run)):
            return True
        return (
            bool(await self._worker_store.workers())
            and await self._worker_store.queued_at(run) is not None
        )


def open_dispatcher(store: Store, queue: QueueName) -> Dispatcher | None:
    """A dispatcher for the workers of a database; None for a store without one."""
    if not isinstance(store, SqlStore):
        return None
    return Dispatcher(store, WorkerStore(store), queue)
