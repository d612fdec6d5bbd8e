"""What those who hand runs on and the workers who take them keep beside the runs, on a server.

A run is handed on in the transaction that adds its newest facts: either both are there, or neither.
Who may add the next fact is decided by the lease alone, so a run that is handed on twice is carried
on once.
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

SWEEP_LOCK = 0x73776570
"""Who sweeps holds this advisory lock."""


class UnsafeRecordError(StorageError):
    """The queue holds work in a form that could carry a program; it is not read."""

    code = "unsafe_record"


@dataclass(frozen=True)
class QueueEntry:
    """How a run's next segment stands in a queue."""

    workflow: str
    version: str
    queue: str


@dataclass(frozen=True)
class WorkerRow:
    """A worker that is alive, as far as anybody can tell; `started` is Unix seconds."""

    name: str
    concurrency: int
    started: float


class WorkerStore:
    """Runs handed on, workers, and what the dead have left, in a store on a server."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._database = store.database
        # A worker renews its runs' leases a little after it has said that it is alive itself.
        self.silent = store.lease_seconds * 4 / 3 + 2

    async def hand(  # noqa: PLR0913  # the facts, and where they belong
        self,
        run: str,
        owner: str,
        entry: QueueEntry,
        *,
        after: int = 0,
        events: Sequence[Event] = (),
        dead: str = "",
    ) -> None:
        """Adds facts, lets go of the run and puts its next segment into a queue, all or nothing.

        Raises LeaseError as `take` does.
        """

        async def also(do: Transaction, lease: Lease) -> None:
            await do("release_lease", **vars(lease))
            await do("insert_queued_run", run=run, queue=entry.queue)
            # The lease's count makes the name new although no fact was added.
            await _enqueue(do, run, entry, f"{run}:{after + len(events)}:{lease.epoch}")

        await self._store.acquire(run, owner, dead, after=after, events=events, also=also)

    async def handed_at(self, run: str) -> float | None:
        """When the run was handed on, where workers are still to carry it on."""
        rows = await self._database.read("select_queued_at", run=run)
        return float(rows[0][0]) if rows else None

    async def settle(self, run: str, handed_at: float | None) -> None:
        """The run has been carried on as far as it goes; who handed it on since is not meant."""
        if handed_at is not None:
            await self._do("delete_queued_run_since", run=run, since=handed_at)

    async def beat(self, name: str, concurrency: int) -> None:
        """The worker says that it is alive."""
        await self._do("upsert_worker", name=name, concurrency=concurrency)

    async def workers(self) -> list[WorkerRow]:
        """The workers that are alive; those of whom a server that was away could not hear, too."""
        rows = await self._database.read("select_workers", silent=self.silent)
        return [WorkerRow(*row) for row in rows]

    async def leave(self, name: str, workflow: str) -> None:
        """The worker ends; what it had begun goes back into its queue."""

        async def write(do: Transaction) -> None:
            if (await do("has_queue"))[0][0]:
                await do("requeue_own", name=name, workflow=workflow)
            await do("delete_worker", name=name, silent=self.silent)

        await self._database.write("", write)

    async def refuse_unsafe(self) -> None:
        """Raises UnsafeRecordError where the queue holds what must not be read."""
        there = await self._database.read("has_queue")
        unsafe = await self._database.read("select_unsafe_rows") if there[0][0] else []
        if unsafe:
            names = ", ".join(str(name) for (name,) in unsafe)
            raise UnsafeRecordError(
                f"the queue in {self._database.place} holds work in an unsafe form: {names:.200}",
                hint="callsheet writes JSON only: find out who wrote it, and delete it from"
                " dbos.workflow_status",
            )

    async def sweep(self, entries: Sequence[QueueEntry]) -> int:
        """Puts what the dead had begun, and what got lost, back into its queue; tells how much."""
        by_queue = {entry.queue: entry for entry in entries}
        workflow = entries[0].workflow

        async def write(do: Transaction) -> int:
            if not (await do("lock_recovery", key=SWEEP_LOCK))[0][0]:
                return 0
            times = {"silent": self.silent, "lease": self._store.lease_seconds}
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
