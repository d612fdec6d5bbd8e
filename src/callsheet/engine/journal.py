"""A run that is held and written to: facts are folded into the view and stored.

What a person said is stored at once; what was bought or done, before anything else is begun. A fact
that could be found again at no cost waits for the next one that could not: a third of the commits, and
nothing is lost that matters.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from callsheet.engine.run_view import RunView, fold
from callsheet.events import RecordedEvent
from callsheet.store.port import HeldError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from callsheet.events import Event
    from callsheet.store.port import Lease, Store


class Journal:
    """One run's facts and their fold; `listen` hears each fact after it was stored."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        view: RunView,
        listen: Callable[[RecordedEvent, RunView], None] | None = None,
    ) -> None:
        self._store = store
        self._listen = listen
        self._stored = view.seq
        self._waiting: list[Event] = []
        self._unborn: tuple[str, Mapping[str, str]] | None = None
        self.lease = lease
        self.view = view

    def begin(self, workflow: str, event: Event, files: Mapping[str, str]) -> None:
        """Takes in the first fact of a new run; it is stored with what first comes of it."""
        self.defer(event)
        self._unborn = (workflow, files)

    def defer(self, *events: Event) -> None:
        """Folds facts into the view; they are stored together with those that follow."""
        for event in events:
            self.view.apply(RecordedEvent(self.view.seq + 1, time.time(), event))
            self._waiting.append(event)

    async def file(self, content_hash: str) -> str:
        """The content of a file that is kept with the run; raises StorageError."""
        return await self._store.file(content_hash)

    async def append(self, *events: Event, files: Mapping[str, str] | None = None) -> None:
        """Stores facts, and all that wait, in one transaction, and files by content hash."""
        self.defer(*events)
        await self._store_waiting(files or {})

    async def release(self) -> None:
        """Stores all that waits and lets go of the run, in one transaction; raises HeldError."""
        if self._unborn is not None:
            await self._store_waiting({})
        if not self._waiting:
            await self._store.release(self.lease)
            return
        try:
            await self._store_waiting({}, release=True)
        except HeldError:
            # A commit may have come through although nobody waited for its answer.
            await self._store.release(self.lease)
            raise

    async def _store_waiting(self, files: Mapping[str, str], *, release: bool = False) -> None:
        if self._unborn is not None:
            (workflow, first), self._unborn = self._unborn, None
            self._told(
                await self._store.create(self.lease, workflow, self._waiting, {**first, **files})
            )
        elif self._waiting:
            self._told(
                await self._store.append(
                    self.lease, self._stored, self._waiting, files, release=release
                )
            )

    async def catch_up(self) -> list[RecordedEvent]:
        """Takes in what others have stored since; answers with it. Nothing of ours may wait."""
        missed = await self._store.events(self.view.run, self._stored)
        for recorded in missed:
            self.view.apply(recorded)
        if missed:
            self._told(missed)
        return missed

    async def watch(self, seconds: float, in_hand: Callable[[], Awaitable[bool]]) -> bool:
        """Hears of each fact until the run ends or asks; False where it is in nobody's hands.

        After so many silent seconds `in_hand` is asked about that.
        """
        while self.view.status == "running":
            news = await self._store.watch(self.view.run, self.view.seq, seconds)
            await self.catch_up()
            if not news and not await in_hand():
                return False
        return True

    def _told(self, written: list[RecordedEvent]) -> None:
        self._waiting = []
        self._stored = written[-1].seq
        for recorded in written:
            if self._listen is not None:
                self._listen(recorded, self.view)


async def read_view(store: Store, run: str) -> RunView:
    """A run as it stands, without holding it; raises NoSuchRunError."""
    return fold(run, await store.events(run))
