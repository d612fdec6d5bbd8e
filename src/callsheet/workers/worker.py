"""A worker: takes runs that others have handed on, and carries each on until it ends or asks."""

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

SWEEP_SECONDS = 2.0
"""How often somebody looks for what the dead have left."""

SLOW_SECONDS = 1.0
"""A database that answers later than this was away, and cannot tell who is silent."""


class Execution(Protocol):
    """A run that a worker has taken over."""

    async def advance(self) -> object:
        """Executes the run until it ends or a person must answer."""
        ...

    async def close(self) -> None:
        """Releases the run."""
        ...


class Worker:
    """One process that carries runs on: so many of a batch at once, and as many that people wait for.

    Every `sweep_seconds` it looks whether others have died.
    """

    def __init__(  # noqa: PLR0913  # what it works with, and how much at once
        self,
        settings: Settings,
        take_over: Callable[[SqlStore, str], Awaitable[Execution]],
        *,
        concurrency: int,
        in_all: int | None = None,
        tell: Callable[[str], None],
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        if settings.database_url is None:
            raise InputError(
                "a worker takes runs from a database, and CALLSHEET_DATABASE_URL is not set",
                hint="without one, `callsheet run` and `batch` do the work themselves",
            )
        store = open_store(settings)
        assert isinstance(store, SqlStore)  # noqa: S101  # a database URL says so
        self.name = owner_name()
        self._settings, self._store, self._tell = settings, store, tell
        self._concurrency = concurrency
        self._sweep_seconds = sweep_seconds
        self._take_over = take_over
        self._alone = asyncio.Lock()
        self._worker_store = WorkerStore(store)
        self._queue = DbosQueue(
            settings.database_url,
            self.name,
            self._advance,
            places={"people": concurrency, "batch": concurrency},
            in_all={"batch": in_all} if in_all else {},
            tell=tell,
        )

    async def work(self, stop: asyncio.Event, *, drain: float) -> None:
        """Works until told to stop; what is not done `drain` seconds later is handed on to others."""
        # The client library takes seconds to come in; no run is kept waiting, no heartbeat missed.
        import_module("callsheet.llm.provider_client")
        await self._worker_store.refuse_unsafe()
        await self._worker_store.beat(self.name, self._concurrency)
        try:
            await self._queue.start()
            await self._work(stop, drain)
        finally:
            await self._worker_store.leave(self.name, WORKFLOW)
            self._store.close()

    async def _work(self, stop: asyncio.Event, drain: float) -> None:
        self._tell(f"worker {self.name} carries on up to {self._concurrency} runs at once")
        loops = [asyncio.create_task(self._beat()), asyncio.create_task(self._sweep())]
        await stop.wait()
        if self._queue.at_work:
            self._tell(f"finishing {self._queue.at_work} under way, for {drain:g} s at most")
        await self._queue.stop(drain)
        for loop in loops:
            loop.cancel()

    async def _advance(self, run: str) -> None:
        if await self._is_suspect(run):
            # One at a time: the others must not die once more with the one that workers die of.
            async with self._alone:
                await self._carry_on(run)
        else:
            await self._carry_on(run)

    async def _is_suspect(self, run: str) -> bool:
        """Whether more than one worker has died with this run in hand."""
        try:
            died = (await self._store.run(run)).owner
            return bool(died) and count_crashes(await self._store.events(run)) > 0
        except NoSuchRunError:
            return False

    async def _carry_on(self, run: str) -> None:
        handed_at = await self._worker_store.handed_at(run)
        try:
            session = await self._take_over(self._store, run)
        except LeaseError:
            return
        except CallsheetError as error:
            self._tell(f"{run} cannot be carried on: {error.message}")
            await self._worker_store.settle(run, handed_at)
            return
        try:
            with suppress(LeaseError):
                await session.advance()
                await self._worker_store.settle(run, handed_at)
        finally:
            await session.close()

    async def _beat(self) -> None:
        while True:
            try:
                await self._worker_store.beat(self.name, self._concurrency)
            except StorageError as error:
                self._tell(error.message)
            await asyncio.sleep(self._settings.lease_seconds / 3)

    async def _sweep(self) -> None:
        """Takes up what the dead have left, but never just after the database was away."""
        trusted_from = 0.0
        entries = [queue_entry(queue) for queue in QUEUES]
        while True:
            await asyncio.sleep(self._sweep_seconds)
            if time.monotonic() < trusted_from:
                continue
            began = time.monotonic()
            try:
                await self._worker_store.workers()
                if time.monotonic() - began < SLOW_SECONDS:
                    if found := await self._worker_store.sweep(entries):
                        self._tell(f"took up {found} that others had left")
                    continue
            except StorageError as error:
                self._tell(error.message)
            trusted_from = time.monotonic() + 2 * self._settings.lease_seconds + 2
