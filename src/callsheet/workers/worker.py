"""A worker process: takes queued runs and executes each until it ends or asks."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from callsheet.errors import CallsheetError, InputError, StorageError
from callsheet.store.factory import open_store
from callsheet.store.owners import owner_name
from callsheet.store.port import LeaseError, NoSuchRunError
from callsheet.store.sql import SqlStore
from callsheet.workers.crashes import count_crashes
from callsheet.workers.dbos_queue import WORKFLOW, DbosQueue
from callsheet.workers.dispatcher import queue_entry
from callsheet.workers.queues import QUEUES
from callsheet.workers.worker_store import WorkerStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.settings import Settings

RECOVERY_SECONDS = 2.0
"""How often a worker looks for runs of dead workers."""

SLOW_SECONDS = 1.0
"""A database that answers later was unavailable, so missing heartbeats prove nothing."""


class Execution(Protocol):
    """A run that a worker has taken over."""

    async def advance(self) -> object:
        """Executes the run until it ends or a person must answer."""
        ...

    async def close(self) -> None:
        """Releases the run."""
        ...


class Worker:
    """Executes up to `concurrency` batch runs and as many interactive runs at once.

    `batch_limit` bounds batch runs over all workers. Every `recovery_seconds` it looks for runs of dead
    workers. `visit_jobs` goes on with batches in provider jobs until the event is set. `log` receives
    one line per notable event.
    """

    def __init__(  # noqa: PLR0913  # what it works with, and how much at once
        self,
        settings: Settings,
        take_over: Callable[[SqlStore, str], Awaitable[Execution]],
        *,
        concurrency: int,
        batch_limit: int | None = None,
        log: Callable[[str], None],
        recovery_seconds: float = RECOVERY_SECONDS,
        visit_jobs: Callable[[SqlStore, asyncio.Event], Awaitable[None]] | None = None,
    ) -> None:
        if settings.database_url is None:
            raise InputError(
                "a worker takes runs from a database, and CALLSHEET_DATABASE_URL is not set",
                hint="without a database, `callsheet run` and `batch` execute runs themselves",
            )
        store = open_store(settings)
        assert isinstance(store, SqlStore)  # noqa: S101  # a database URL says so
        self.name = owner_name()
        self._settings, self._store, self._log = settings, store, log
        self._concurrency = concurrency
        self._recovery_seconds = recovery_seconds
        self._take_over, self._visit_jobs = take_over, visit_jobs
        self._suspect_lock = asyncio.Lock()
        self._worker_store = WorkerStore(store)
        self._queue = DbosQueue(
            settings.database_url,
            self.name,
            self._advance,
            slots={"people": concurrency, "batch": concurrency},
            global_slots={"batch": batch_limit} if batch_limit else {},
            log=log,
        )

    async def run(self, stop: asyncio.Event, *, drain: float) -> None:
        """Works until `stop` is set; what is not done `drain` seconds later goes back into the queue."""
        # The client library takes seconds to import: before the first heartbeat, that delays no run.
        import_module("callsheet.llm.provider_client")
        await self._worker_store.refuse_unsafe()
        await self._worker_store.heartbeat(self.name, self._concurrency)
        try:
            await self._queue.start()
            await self._work_until(stop, drain)
        finally:
            await self._worker_store.deregister(self.name, WORKFLOW)
            self._store.close()

    async def _work_until(self, stop: asyncio.Event, drain: float) -> None:
        self._log(f"worker {self.name} executes up to {self._concurrency} runs at once")
        loops = [
            asyncio.create_task(self._send_heartbeats()),
            asyncio.create_task(self._recover_runs()),
        ]
        visits = asyncio.ensure_future(
            self._visit_jobs(self._store, stop) if self._visit_jobs else stop.wait()
        )
        await stop.wait()
        if self._queue.in_progress:
            self._log(f"finishing {self._queue.in_progress} in progress, for {drain:g} s at most")
        await asyncio.gather(self._queue.stop(drain), asyncio.wait([visits], timeout=drain))
        for loop in (*loops, visits):
            loop.cancel()

    async def _advance(self, run: str) -> None:
        if await self._is_suspect(run):
            # One suspect at a time: if it crashes this worker, it takes no other suspect with it.
            async with self._suspect_lock:
                await self._execute(run)
        else:
            await self._execute(run)

    async def _is_suspect(self, run: str) -> bool:
        """Whether more than one worker has died while executing this run."""
        try:
            owner = (await self._store.run(run)).owner
            return bool(owner) and count_crashes(await self._store.events(run)) > 0
        except NoSuchRunError:
            return False

    async def _execute(self, run: str) -> None:
        queued_at = await self._worker_store.queued_at(run)
        try:
            session = await self._take_over(self._store, run)
        except LeaseError:
            return
        except CallsheetError as error:
            self._log(f"{run} cannot be executed: {error.message}")
            await self._worker_store.mark_done(run, queued_at)
            return
        try:
            with suppress(LeaseError):
                await session.advance()
                await self._worker_store.mark_done(run, queued_at)
        finally:
            await session.close()

    async def _send_heartbeats(self) -> None:
        while True:
            try:
                await self._worker_store.heartbeat(self.name, self._concurrency)
            except StorageError as error:
                self._log(error.message)
            await asyncio.sleep(self._settings.lease_seconds / 3)

    async def _recover_runs(self) -> None:
        """Queues runs of dead workers again, but not just after the database was unavailable."""
        trusted_from = 0.0
        entries = [queue_entry(queue) for queue in QUEUES]
        while True:
            await asyncio.sleep(self._recovery_seconds)
            if time.monotonic() < trusted_from:
                continue
            began = time.monotonic()
            try:
                await self._worker_store.workers()
                if time.monotonic() - began < SLOW_SECONDS:
                    if found := await self._worker_store.recover(entries):
                        self._log(f"recovered {found} runs of other workers")
                    continue
            except StorageError as error:
                self._log(error.message)
            trusted_from = time.monotonic() + 2 * self._settings.lease_seconds + 2
