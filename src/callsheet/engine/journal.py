"""Appends the events of one leased run: folds them into the run view, and stores them.

Answers are stored at once; paid replies and results before anything else starts. An event that can be
recomputed for free waits for the next one that cannot: that saves two thirds of the commits.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from callsheet.engine.run_view import RunView, fold
from callsheet.errors import StorageError
from callsheet.events import RecordedEvent
from callsheet.store.port import LeaseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from callsheet.events import Event
    from callsheet.store.port import Lease, Store


class Journal:
    """The events of a run and its view; `on_event` is called with each event once it is stored.

    `failure` is why the pending events could not be stored; they stay pending, and the next call
    that stores anything tries again. `is_created` is whether the store has the run.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        view: RunView,
        on_event: Callable[[RecordedEvent, RunView], None] | None = None,
    ) -> None:
        self._store = store
        self._on_event = on_event
        self._stored = view.seq
        self._pending: list[Event] = []
        self._files: dict[str, str] = {}
        self._workflow = ""
        self.is_created = True
        self.failure: StorageError | None = None
        self.lease = lease
        self.view = view

    @property
    def stored(self) -> int:
        """The number of the last event that is stored."""
        return self._stored

    def create(self, workflow: str, event: Event, files: Mapping[str, str]) -> None:
        """Adds the first event of a new run; it is stored with the next events."""
        self.defer(event)
        self._files |= files
        self._workflow, self.is_created = workflow, False

    def defer(self, *events: Event) -> None:
        """Folds events into the view; they are stored together with those that follow."""
        for event in events:
            self.view.apply(RecordedEvent(self.view.seq + 1, time.time(), event))
            self._pending.append(event)

    async def file(self, content_hash: str) -> str:
        """The content of a file of the run; raises StorageError."""
        return await self._store.file(content_hash)

    async def append(self, *events: Event, files: Mapping[str, str] | None = None) -> None:
        """Stores events, and all that are pending, in one transaction, and files by content hash."""
        self.defer(*events)
        self._files |= files or {}
        await self._store_pending()

    async def try_append(self) -> None:
        """Stores pending events; where that fails, `failure` says why. Raises LeaseError."""
        if self.failure is not None:
            return
        try:
            await self._store_pending()
        except LeaseError:
            raise
        except StorageError:
            return

    async def release(self) -> None:
        """Stores pending events and ends the lease, in one transaction; raises StorageError."""
        if not self.is_created:
            await self._store_pending()
        if not self._pending:
            await self._store.release(self.lease)
            return
        try:
            await self._store_pending(release=True)
        except LeaseError:
            # A cancelled commit may have taken place all the same.
            await self._store.release(self.lease)
            raise

    async def _store_pending(self, *, release: bool = False) -> None:
        if not self._pending:
            return
        try:
            if self.is_created:
                written = await self._store.append(
                    self.lease, self._stored, self._pending, self._files, release=release
                )
            else:
                written = await self._store.create(
                    self.lease, self._workflow, self._pending, self._files
                )
        except asyncio.CancelledError:
            # The commit may have taken place all the same.
            self.is_created = True
            raise
        except LeaseError:
            raise
        except StorageError as error:
            self.failure = error
            raise
        self.is_created, self.failure, self._files = True, None, {}
        self._publish(written)

    async def catch_up(self) -> list[RecordedEvent]:
        """Reads and returns the events that other processes have stored; none may be pending here."""
        missed = await self._store.events(self.view.run, self._stored)
        for recorded in missed:
            self.view.apply(recorded)
        if missed:
            self._publish(missed)
        return missed

    async def follow(self, seconds: float, is_owned: Callable[[], Awaitable[bool]]) -> bool:
        """Publishes events until the run ends or asks; False where no process executes it any more.

        `is_owned` is checked after each `seconds` without an event.
        """
        while self.view.status == "running":
            news = await self._store.wait_for_events(self.view.run, self.view.seq, seconds)
            await self.catch_up()
            if not news and not await is_owned():
                return False
        return True

    def _publish(self, written: list[RecordedEvent]) -> None:
        self._pending = []
        self._stored = written[-1].seq
        for recorded in written:
            if self._on_event is not None:
                self._on_event(recorded, self.view)


async def read_view(store: Store, run: str) -> RunView:
    """The current state of a run, without a lease; raises NoSuchRunError."""
    return fold(run, await store.events(run))
