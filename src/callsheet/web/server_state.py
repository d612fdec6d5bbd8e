"""The state that all handlers share: workflows, active runs, batches, events and cached responses."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from callsheet.activity import Queued
from callsheet.errors import CallsheetError, StorageError, UnknownNameError
from callsheet.runs.listing import RunListing, row_status
from callsheet.runs.run_pool import RunPool
from callsheet.runs.service import RunService
from callsheet.store.port import LeaseError
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

MAX_CONCURRENT_RUNS = 8
"""Runs that are executed at the same time; the others are queued."""

MAX_ACTIVE_RUNS = 100
"""Runs that are executed or queued."""

MAX_CACHED = 256


class ServerState:
    """The state of one server; runs are in the store and survive it."""

    def __init__(
        self, settings: Settings, workflows: Mapping[str, str], *, store: Store | None = None
    ) -> None:
        self.settings = settings
        self.workflows = workflows
        self.service = RunService(settings, store=store, listen=self._notify)
        self._unsaved: dict[str, RunSession] = {}
        self.listing = RunListing(self.service.store, self._unsaved)
        self.health = json.dumps({"status": "ok", "version": version("callsheet")}).encode()
        self.feed = EventFeed(self.service.store, self.listing)
        self.batches = BatchManager(settings, self.service.store, workflows)
        self._pool = RunPool(self._execute, MAX_CONCURRENT_RUNS)
        self._sessions: dict[str, RunSession] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._cache: OrderedDict[Hashable, bytes] = OrderedDict()

    def workflow_source(self, name: str | None) -> str:
        """Return the source of an offered workflow, of the first without a name."""
        if name is None:
            return next(iter(self.workflows.values()))
        if name not in self.workflows:
            raise UnknownNameError("workflow", name, self.workflows)
        return self.workflows[name]

    async def enqueue(self, session: RunSession) -> None:
        """Store a run and execute it in the background."""
        await session.save()
        run = session.view.run
        session.on_activity = partial(self.feed.announce_activity, run)
        with suppress(Exception):
            # The run may still be finishing what came before the answer.
            await self._pool.wait(run)
        self._sessions[run] = session
        self._pool.add(run)
        if self._pool.is_waiting(run):
            self.feed.announce_activity(run, Queued())

    def check_capacity(self) -> None:
        """Raise WebError where too many runs are active."""
        if len(self._sessions) >= MAX_ACTIVE_RUNS:
            raise WebError(
                429,
                "too_many_runs",
                f"{MAX_ACTIVE_RUNS} runs are active",
                hint="wait until some have finished",
            )

    async def interrupt(self, run: str) -> None:
        """Interrupt a run that this server executes; it can be resumed."""
        task = self._tasks.get(run)
        if task is None:
            raise WebError(409, "not_under_way", f"the run {run} is not being executed here")
        task.cancel()
        with suppress(Exception):
            await self._pool.wait(run)

    @property
    def active_runs(self) -> list[str]:
        """The runs that are executed or queued."""
        return [*self._sessions]

    async def store_unsaved(self, run: str) -> None:
        """Store what was received and could not be stored before; raises StorageError if it still cannot."""
        if (session := self._unsaved.get(run)) is None:
            return
        # Where another process has taken the run over, its events count.
        with suppress(LeaseError):
            await session.journal.release()
        self._unsaved.pop(run, None)

    async def document_json(self, run: str) -> bytes:
        """Return a run's document as JSON, cached until its next event or status."""
        row = await self.service.store.run(run)
        if (session := self._unsaved.get(run)) is not None:
            if row.seq == session.journal.stored:
                return await self._unsaved_document(session)
            del self._unsaved[run]
        key = (run, row.seq, row_status(row), row.note_seq)
        if key not in self._cache:
            document = await self.service.show(run)
            key = (run, document.seq or 0, document.status, document.note_seq or 0)
            self._cache_response(key, json.dumps(document.to_json()).encode())
        return self._cache[key]

    async def _unsaved_document(self, session: RunSession) -> bytes:
        """Return the stored document of a run with all that was received and could not be stored."""
        stored, received = await self.service.show(session.view.run), session.document()
        names = (
            "status",
            "error",
            "brief",
            "selection",
            "prompts",
            "settings",
            "problems",
            "usage",
        )
        document = stored.model_copy(update={name: getattr(received, name) for name in names})
        return json.dumps(document.to_json()).encode()

    async def cached(self, key: Hashable, compute: Callable[[], Awaitable[Any]]) -> bytes:
        """Return what `compute` returns, as JSON, computed once for each key."""
        if key not in self._cache:
            self._cache_response(key, json.dumps(await compute()).encode())
        self._cache.move_to_end(key)
        return self._cache[key]

    async def close(self, seconds: float) -> None:
        """Close the streams, give active runs this long to finish, then interrupt them."""
        self.feed.close()
        await asyncio.gather(self._pool.stop(seconds), self.batches.close(seconds))
        for session in [*self._sessions.values()]:
            await session.close()
        for run in [*self._unsaved]:
            with suppress(StorageError):
                await self.store_unsaved(run)
        self.service.store.close()

    def _cache_response(self, key: Hashable, body: bytes) -> None:
        self._cache[key] = body
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)

    async def _execute(self, run: str) -> None:
        session = self._sessions[run]
        self.feed.announce_activity(run, None)
        task = asyncio.create_task(session.advance())
        self._tasks[run] = task
        try:
            await task
        except (asyncio.CancelledError, CallsheetError):
            # What could be recorded is; the run's document shows the rest.
            task.cancel()
        finally:
            self._tasks.pop(run, None)
            self._sessions.pop(run, None)
            self.feed.announce_activity(run, None)
            with suppress(CallsheetError):
                await session.close()
            if session.unsaved is not None:
                self._unsaved[run] = session
                with suppress(CallsheetError):
                    await self.feed.announce_unsaved(run)
            self.feed.notify()

    def _notify(self, recorded: RecordedEvent, view: RunView) -> None:
        del recorded, view
        self.feed.notify()
