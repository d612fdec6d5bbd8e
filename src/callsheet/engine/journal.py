"""A run that is held and written to: each fact is stored, then folded into the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.engine.view import View, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.events import Event, Recorded
    from callsheet.store.port import Lease, Store


class Journal:
    """One run's facts and their fold; `listen` hears each fact after it was stored."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        view: View,
        listen: Callable[[Recorded, View], None] | None = None,
    ) -> None:
        self._store = store
        self._listen = listen
        self.lease = lease
        self.view = view

    async def append(self, *events: Event, files: Mapping[str, str] | None = None) -> None:
        """Stores the facts in one transaction, and files by content hash with them."""
        self._take_in(await self._store.append(self.lease, self.view.seq, events, files or {}))

    async def begin(self, workflow: str, event: Event, files: Mapping[str, str]) -> None:
        """Stores the first fact of a new run."""
        self._take_in(await self._store.create(self.lease, workflow, [event], files))

    def _take_in(self, written: list[Recorded]) -> None:
        for recorded in written:
            self.view.apply(recorded)
            if self._listen is not None:
                self._listen(recorded, self.view)


async def read_view(store: Store, run: str) -> View:
    """A run as it stands, without holding it; raises NoSuchRunError."""
    return fold(run, await store.events(run))
