"""What all routes share: the workflows that may be run, the runs at work here, and what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError, UnknownNameError
from callsheet.runs.listing import RunListing, row_status
from callsheet.runs.run_pool import RunPool
from callsheet.runs.service import RunService
from callsheet.web.batch_manager import BatchManager
from callsheet.web.event_stream import EventFeed
from callsheet.web.problems import WebError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent
    from callsheet.runs.session import RunSession
    from callsheet.settings import Settings
    from callsheet.store.port import Store

AT_ONCE = 8
"""Runs that are carried on at the same time; more wait their turn."""

MOST_IN_HAND = 100

REMEMBERED = 256


class ServerState:
    """The server's own state; everything that matters is in the store."""

    def __init__(
        self, settings: Settings, workflows: Mapping[str, str], *, store: Store | None = None
    ) -> None:
        self.settings = settings
        self.workflows = workflows
        self.service = RunService(settings, store=store, listen=self._hear)
        self.listing = RunListing(self.service.store)
        self.alive = json.dumps({"status": "ok", "version": version("callsheet")}).encode()
        self.feed = EventFeed(self.service.store, self.listing)
        self.batches = BatchManager(settings, self.service.store, workflows)
        self._pool = RunPool(self._carry_on, AT_ONCE)
        self._sessions: dict[str, RunSession] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._pages: OrderedDict[Hashable, bytes] = OrderedDict()

    def source(self, name: str | None) -> str:
        """Where a workflow is found: one of those that the command line named, or the first."""
        if name is None:
            return next(iter(self.workflows.values()))
        if name not in self.workflows:
            raise UnknownNameError("workflow", name, self.workflows)
        return self.workflows[name]

    async def hand_in(self, session: RunSession) -> None:
        """Has a run carried on in the background; from here on it is kept."""
        await session.save()
        run = session.view.run
        with suppress(Exception):
            # It may still be putting its things away from before the answer.
            await self._pool.wait(run)
        self._sessions[run] = session
        self._pool.add(run)

    def check_room(self) -> None:
        """Raises WebError where too many runs are in hand already."""
        if len(self._sessions) >= MOST_IN_HAND:
            raise WebError(
                429, "too_many_runs", f"{MOST_IN_HAND} runs are under way", hint="wait for some"
            )

    async def interrupt(self, run: str) -> None:
        """Stops a run that is carried on here; it can be resumed."""
        task = self._tasks.get(run)
        if task is None:
            raise WebError(409, "not_under_way", f"the run {run} is not being carried on here")
        task.cancel()
        with suppress(Exception):
            await self._pool.wait(run)

    @property
    def under_way(self) -> list[str]:
        """The runs in hand."""
        return [*self._sessions]

    async def page(self, run: str) -> bytes:
        """A run's document as JSON; made once for each fact."""
        row = await self.service.store.run(run)
        key = (run, row.seq, row_status(row))
        if key not in self._pages:
            document = await self.service.show(run)
            key = (run, document.seq or 0, document.status)
            self._remember(key, json.dumps(document.to_json()).encode())
        return self._pages[key]

    async def remembered(self, key: Hashable, make: Callable[[], Awaitable[Any]]) -> bytes:
        """What `make` answers, as JSON; not made again for the same key."""
        if key not in self._pages:
            self._remember(key, json.dumps(await make()).encode())
        self._pages.move_to_end(key)
        return self._pages[key]

    async def close(self, seconds: float) -> None:
        """Ends the streams, gives runs under way this long, and lets go of them."""
        self.feed.close()
        await asyncio.gather(self._pool.stop(seconds), self.batches.close(seconds))
        for session in [*self._sessions.values()]:
            await session.close()
        self.service.store.close()

    def _remember(self, key: Hashable, body: bytes) -> None:
        self._pages[key] = body
        while len(self._pages) > REMEMBERED:
            self._pages.popitem(last=False)

    async def _carry_on(self, run: str) -> None:
        session = self._sessions[run]
        task = asyncio.create_task(session.advance())
        self._tasks[run] = task
        try:
            await task
        except (asyncio.CancelledError, CallsheetError):
            # What could be recorded is; the run shows how it stands.
            task.cancel()
        finally:
            self._tasks.pop(run, None)
            self._sessions.pop(run, None)
            await session.close()
            self.feed.nudge()

    def _hear(self, recorded: RecordedEvent, view: RunView) -> None:
        del recorded, view
        self.feed.nudge()
