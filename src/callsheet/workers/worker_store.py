"""Queued runs and registered workers, stored beside the runs on a server.

A run is queued in the transaction that appends its newest events: both happen, or neither. Only the
lease decides who may append, so a run that is queued twice is executed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.events import Event
    from callsheet.store.database import Transaction
    from callsheet.store.port import Lease
    from callsheet.store.sql import SqlStore

RECOVERY_LOCK = 0x73776570
"""Key of the advisory lock that recovery takes."""


class UnsafeRecordError(StorageError):
    """The queue holds work in a serialization that can execute code; it is not read."""

    code = "unsafe_record"


@dataclass(frozen=True)
class QueueEntry:
    """The queue that a run enters, and the name and version of the DBOS workflow that executes it."""

    workflow: str
    version: str
    queue: str


@dataclass(frozen=True)
class WorkerRow:
    """A live worker; `started` is Unix seconds."""

    name: str
    concurrency: int
    started: float


class WorkerStore:
    """Queued runs, and heartbeats and recovery of workers, in a store on a server."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._database = store.database
        # A worker renews the leases of its runs shortly after its own heartbeat.
        self.dead_after = store.lease_seconds * 4 / 3 + 2

    async def enqueue_run(  # noqa: PLR0913  # the events, and where they are appended
        self,
        run: str,
        owner: str,
        entry: QueueEntry,
        *,
        after: int = 0,
        events: Sequence[Event] = (),
        dead: str = "",
    ) -> None:
        """Appends events, ends the lease and queues the run, in one transaction.

        Raises LeaseError as `acquire` does.
        """

        async def also(do: Transaction, lease: Lease) -> None:
            await do("release_lease", **vars(lease))
            await do("insert_queued_run", run=run, queue=entry.queue)
            # The epoch makes the id unique even if no event was appended.
            await _enqueue(do, run, entry, f"{run}:{after + len(events)}:{lease.epoch}")

        await self._store.acquire(run, owner, dead, after=after, events=events, also=also)

    async def queued_at(self, run: str) -> float | None:
        """When the run was queued (Unix seconds); None if it is not."""
        rows = await self._database.read("select_queued_at", run=run)
        return float(rows[0][0]) if rows else None

    async def mark_done(self, run: str, queued_at: float | None) -> None:
        """Removes the run from the queue, unless it was queued again since `queued_at`."""
        if queued_at is not None:
            await self._do("delete_queued_run_since", run=run, since=queued_at)

    async def heartbeat(self, name: str, concurrency: int) -> None:
        """Registers a worker, or records that it is alive."""
        await self._do("upsert_worker", name=name, concurrency=concurrency)

    async def workers(self) -> list[WorkerRow]:
        """Live workers; just after a restart of the server, all that were registered before."""
        rows = await self._database.read("select_workers", silent=self.dead_after)
        return [WorkerRow(*row) for row in rows]

    async def deregister(self, name: str, workflow: str) -> None:
        """Removes a worker; what it had started goes back into the queue."""

        async def write(do: Transaction) -> None:
            if (await do("has_queue"))[0][0]:
                await do("requeue_own", name=name, workflow=workflow)
            await do("delete_worker", name=name, silent=self.dead_after)

        await self._database.write("", write)

    async def refuse_unsafe(self) -> None:
        """Raises UnsafeRecordError where the queue holds an unsafe serialization."""
        rows = await self._database.read("has_queue")
        unsafe = await self._database.read("select_unsafe_rows") if rows[0][0] else []
        if unsafe:
            names = ", ".join(str(name) for (name,) in unsafe)
            raise UnsafeRecordError(
                f"the queue in {self._database.place} holds work in an unsafe form: {names:.200}",
                hint="callsheet writes JSON only: find out who wrote it, and delete it from"
                " dbos.workflow_status",
            )

    async def recover(self, entries: Sequence[QueueEntry]) -> int:
        """Queues again what dead workers had started and what the queue has lost; returns how many."""
        by_queue = {entry.queue: entry for entry in entries}
        workflow = entries[0].workflow

        async def write(do: Transaction) -> int:
            if not (await do("lock_recovery", key=RECOVERY_LOCK))[0][0]:
                return 0
            times = {"silent": self.dead_after, "lease": self._store.lease_seconds}
            found = len(await do("requeue_dead", workflow=workflow, **times))
            for run, queue, epoch in await do("select_orphans", workflow=workflow, **times):
                await do("insert_queued_run", run=run, queue=queue)
                await _enqueue(do, run, by_queue[queue], f"{run}:lost:{epoch}")
                found += 1
            await do("delete_finished", workflow=workflow)
            return found

        return await self._database.write("", write)

    async def _do(self, statement: str, **values: object) -> None:
        async def write(do: Transaction) -> None:
            await do(statement, **values)

        await self._database.write("", write)


async def _enqueue(do: Transaction, run: str, entry: QueueEntry, name: str) -> None:
    await do("enqueue_workflow", **vars(entry), run=run, id=name)
