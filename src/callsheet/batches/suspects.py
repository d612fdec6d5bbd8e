"""Finds the rows that were under way when the process of a batch died, and counts its deaths for each.

A mark in the store says which process executes a batch. A row's run is stored with its first call, so
a row without a run may have been under way, too: rows are started in the sheet's order, hence those
are the first ones without a run, as many as there were places.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from typing import TYPE_CHECKING

from callsheet.engine.run_view import fold
from callsheet.errors import StorageError
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import is_dead, owner_name
from callsheet.store.port import UnreadableRunError
from callsheet.workers.crashes import MAX_CRASHES, count_batch_crashes, record_batch_crash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from callsheet.store.port import RunRow, Store


@dataclass
class Suspects:
    """The rows during which the process of a batch may have died, by the names of their runs.

    `deaths` counts them for each row that has a run. `without_run` were under way before they had
    one. `alone` are to be executed with nothing beside them, because a second death blames them. With
    `beats`, the mark changes as long as this process lives, so that other machines see that it does.
    """

    store: Store
    batch: str
    owner: str = field(default_factory=owner_name)
    beats: bool = False
    deaths: dict[str, int] = field(default_factory=dict)
    without_run: set[str] = field(default_factory=set)
    _ended: bool = False
    _beating: asyncio.Task[None] | None = None

    @property
    def alone(self) -> set[str]:
        """The rows that another death ends as failed."""
        return {run for run, count in self.deaths.items() if count == MAX_CRASHES - 1}

    async def find(self, interrupted: Sequence[RunRow], unstored: Iterable[str]) -> int:
        """Record a death of the earlier process; returns how many rows were under way.

        `interrupted` are the runs that nobody executes and that have not ended, `unstored` the names
        of the rows without a run, in the sheet's order.
        """
        places = self._places(await self.store.mark(self._name))
        died = [row for row in interrupted if row.owner and places is not None]
        for row in interrupted:
            # A run that cannot be read is one failed row, when its turn comes.
            with suppress(UnreadableRunError):
                self.deaths[row.run] = await self._count(row, died=row in died)
        self.without_run = set(islice(unstored, max(0, (places or 0) - len(died))))
        return len(died) + len(self.without_run)

    async def begin(self, places: int) -> None:
        """Note that this process executes as many rows at once as there are places."""
        if self._ended:
            return
        await self._set(places)
        if self.beats:
            if self._beating is not None:
                self._beating.cancel()
            self._beating = asyncio.create_task(self._beat(places))

    async def end(self) -> None:
        """Note that this process ends, or stops in order: what is left then is no death."""
        if not self._ended:
            self._ended = True
            if self._beating is not None:
                self._beating.cancel()
            with suppress(StorageError):
                await self.store.set_mark(self._name, "")

    async def _beat(self, places: int) -> None:
        for number in count(1):
            await asyncio.sleep(self.store.lease_seconds / 3)
            await self._set(places, number)

    async def _set(self, places: int, beat: int = 0) -> None:
        # Where that cannot be stored, the rows say so.
        with suppress(StorageError):
            mark = json.dumps({"owner": self.owner, "places": places, "beat": beat})
            await self.store.set_mark(self._name, mark)

    async def _count(self, row: RunRow, *, died: bool) -> int:
        events = await self.store.events(row.run)
        count, view = count_batch_crashes(events), fold(row.run, events)
        if not died or view.status != "running":
            return count
        event = record_batch_crash(view, count)
        await self.store.release(
            await acquire_lease(self.store, row.run, self.owner, after=view.seq, events=[event])
        )
        return count + 1

    @property
    def _name(self) -> str:
        return executing_mark(self.batch)

    @staticmethod
    def _places(mark: str) -> int | None:
        """How many rows the earlier process executed at once when it died; None if it did not."""
        if not mark:
            return None
        said = json.loads(mark)
        host = said["owner"].partition(":")[0]
        died = is_dead(said["owner"]) or host != socket.gethostname()
        return int(said["places"]) if died else None


def executing_mark(batch: str) -> str:
    """Return the name of the mark that says which process executes a batch."""
    return f"batch {batch}"
