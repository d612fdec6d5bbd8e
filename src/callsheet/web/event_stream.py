"""Streams the events of runs, each once and in order, whichever process recorded it.

A stream keeps only its position in each run and reads later events from the store, so that a slow
client catches up. A client that reads nothing is disconnected.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from callsheet.activity import Queued, Retrying, Writing
from callsheet.errors import CallsheetError, StorageError
from callsheet.runs.listing import row_status
from callsheet.runs.names import batch_of
from callsheet.store.port import NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from starlette.types import Receive, Scope, Send

    from callsheet.activity import Activity
    from callsheet.events import RecordedEvent
    from callsheet.runs.listing import RunListing
    from callsheet.store.port import Store

POLL_SECONDS = 0.25
"""How often the store is polled for writes of other processes."""

MIN_POLL_SECONDS = 0.05
"""The shortest time between two polls."""

DELETION_POLL_SECONDS = 2.0
"""The shortest time between two searches for deleted runs, which read every name."""

KEEPALIVE_SECONDS = 15.0
SEND_SECONDS = 20.0
WINDOW_SECONDS = 60.0
"""A run is polled for so long after its latest event, because clocks of machines differ."""

MAX_ACTIVITIES = 200
"""Runs of which the latest activity is kept: more than may be active."""

MAX_CHANGES = 2_000
"""Changes of the list of runs that are kept for slow clients."""

HIDDEN_FIELDS = {
    "source",
    "manifest",
    "base_url",
    "max_cost",
    "idea_check",
    "call_options",
    "answers",
    "anew",
    "before",
    "manner",
    "once",
    "detail",
}
"""Fields of events that are not sent: paths on this machine, and what no client needs."""


class EventFeed:
    """Polls the store, and keeps the latest changes for all streams."""

    def __init__(self, store: Store, listing: RunListing) -> None:
        self.store = store
        self.generation = 0
        self.wakeups = 0
        self.closed = False
        self._listing = listing
        self._changes: deque[tuple[int, bytes]] = deque(maxlen=MAX_CHANGES)
        self._sent: dict[str, tuple[int, str, int]] = {}
        self._names: set[str] = set()
        self._events: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self._activities: dict[str, tuple[int, bytes]] = {}
        self._wakeup = asyncio.Event()
        self._notified = asyncio.Event()

    def notify(self) -> None:
        """Poll at once, because this process has written."""
        self._notified.set()

    def close(self) -> None:
        """Close every stream."""
        self.closed = True
        self._wakeup.set()

    async def watch(self) -> None:
        """Poll the store until cancelled."""
        version: object = None
        searched: object = None
        search_after = 0.0
        while True:
            with suppress(CallsheetError):
                now = await self.store.version()
                if now != version:
                    await self._find_changes()
                    version = now
                if now != searched and time.monotonic() > search_after:
                    await self._find_deletions()
                    searched, search_after = now, time.monotonic() + DELETION_POLL_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._notified.wait()
            self._notified.clear()
            await asyncio.sleep(MIN_POLL_SECONDS)

    async def wait(self, wakeups: int) -> None:
        """Wait for the next wake-up after this number, or until a keep-alive is due."""
        if self.wakeups == wakeups and not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE_SECONDS):
                    await self._wakeup.wait()

    def changes(self, after: int) -> list[bytes] | None:
        """Return the changed runs since this generation, None where they are no longer all kept."""
        if self._changes and self._changes[0][0] > after + 1 and after:
            return None
        return [body for number, body in self._changes if number > after]

    async def events(self, run: str, after: int) -> list[tuple[int, bytes]]:
        """Return the events after this one, ready to be sent; raises NoSuchRunError."""
        key = (run, after)
        if key not in self._events:
            self._events[key] = [
                (each.seq, json.dumps(public_event(run, each)).encode())
                for each in await self.store.events(run, after)
            ]
        return self._events[key]

    def announce_activity(self, run: str, activity: Activity | None) -> None:
        """Tell the streams of a run what it is doing; with None, that there is no more to tell."""
        body = json.dumps(public_activity(run, activity)).encode()
        self._activities.pop(run, None)
        self._activities[run] = (self.wakeups + 1, _sse("activity", body))
        while len(self._activities) > MAX_ACTIVITIES:
            del self._activities[next(iter(self._activities))]
        self._wake_streams()

    def activities(self, runs: Iterable[str], after: int) -> list[bytes]:
        """Return what these runs are doing, where that was told after this wake-up."""
        told = (self._activities.get(run) for run in runs)
        return [each[1] for each in told if each is not None and each[0] > after]

    def announce_deleted(self, run: str) -> None:
        """Tell every stream that a run was deleted."""
        self._sent.pop(run, None)
        self._names.discard(run)
        self._broadcast(_sse("gone", json.dumps({"run": run}).encode()))
        self._wake_streams()

    async def announce_unsaved(self, run: str) -> None:
        """Tell every stream that a part of a run could not be stored: the store itself does not."""
        row = await self.store.run(run)
        self._broadcast(_sse("run", json.dumps(await self._listing.entry(row)).encode()))
        self._wake_streams()

    async def _find_changes(self) -> None:
        rows = await self.store.active_within(WINDOW_SECONDS)
        self._events.clear()
        for row in reversed(rows):
            if batch_of(row.run):
                continue
            now = (row.seq, row_status(row), row.note_seq)
            if self._sent.get(row.run) != now:
                self._sent[row.run] = now
                self._names.add(row.run)
                summary = json.dumps(await self._listing.entry(row)).encode()
                self._broadcast(_sse("run", summary))
        self._wake_streams()

    async def _find_deletions(self) -> None:
        """Announce the runs that have been deleted since the last search."""
        names = {run for run in await self.store.names_starting_with("") if not batch_of(run)}
        for run in sorted(self._names - names):
            self.announce_deleted(run)
        self._names = names

    def _broadcast(self, body: bytes) -> None:
        self.generation += 1
        self._changes.append((self.generation, body))

    def _wake_streams(self) -> None:
        self.wakeups += 1
        self._wakeup.set()
        self._wakeup = asyncio.Event()


class EventStream:
    """The response to one client: an ASGI application."""

    def __init__(self, feed: EventFeed, positions: dict[str, int]) -> None:
        self._feed = feed
        self._positions = positions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        disconnected = asyncio.create_task(_wait_for_disconnect(receive))
        sending = asyncio.create_task(self._send_all(send))
        try:
            await asyncio.wait((disconnected, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (disconnected, sending):
                task.cancel()
            await asyncio.gather(disconnected, sending, return_exceptions=True)
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        async for chunk in self.chunks():
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield what is sent, piece by piece."""
        generation, wakeups = self._feed.generation, self._feed.wakeups
        first = b"".join([chunk async for chunk in self._new_events()])
        ready = _sse("ready", json.dumps({"runs": self._positions}).encode())
        doing = self._feed.activities(self._positions, 0)
        yield b"".join((b"retry: 1000\n\n", ready, first, *doing))
        sent, told = time.monotonic(), wakeups
        while not self._feed.closed:
            await self._feed.wait(wakeups)
            changes = self._feed.changes(generation)
            generation, wakeups = self._feed.generation, self._feed.wakeups
            events = [chunk async for chunk in self._new_events()]
            listed = [ready] if changes is None else changes
            doing = self._feed.activities(self._positions, told)
            chunk, told = b"".join([*events, *listed, *doing]), wakeups
            if chunk or time.monotonic() - sent >= KEEPALIVE_SECONDS:
                sent = time.monotonic()
                yield chunk or b": beat\n\n"

    async def _new_events(self) -> AsyncIterator[bytes]:
        for run in [*self._positions]:
            try:
                events = await self._feed.events(run, self._positions[run])
            except NoSuchRunError:
                del self._positions[run]
                yield _sse("gone", json.dumps({"run": run}).encode())
                continue
            except StorageError:
                # One run that cannot be read must not end the stream; its document says why.
                continue
            for seq, body in events:
                self._positions[run] = seq
                yield _sse("fact", body, identity=self._identity())

    def _identity(self) -> str:
        return ",".join(f"{run}:{seq}" for run, seq in self._positions.items())


def parse_positions(text: str) -> dict[str, int]:
    """Parse `run:seq,run:seq`; parts in another form are left out."""
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return {run: int(seq) for run, _, seq in pairs if run and re.fullmatch("[0-9]{1,9}", seq)}


def public_event(run: str, recorded: RecordedEvent) -> dict[str, Any]:
    """Return an event as clients see it."""
    event = recorded.event
    fields = event.model_dump(mode="json", exclude=HIDDEN_FIELDS)
    match event.kind:
        case "call_replied":
            del fields["text"]
        case "output_written":
            fields["names"] = list(fields.pop("values"))
        case "values_finished":
            values = fields["values"]
            fields["values"] = {name.removeprefix("prompts."): values[name] for name in values}
        case "value_rejected":
            fields["path"] = fields["path"].removeprefix("prompts.")
        case "question_asked":
            fields["question"] = {"number": recorded.seq} | fields["question"]
        case _:
            pass
    return {"run": run, "seq": recorded.seq, "at": recorded.at} | fields


def public_activity(run: str, activity: Activity | None) -> dict[str, Any]:
    """Return what a run is doing as clients see it: `idle` where there is nothing to tell."""
    match activity:
        case None:
            return {"run": run, "kind": "idle"}
        case Queued():
            return {"run": run, "kind": "queued"}
        case Writing():
            return {"run": run, "kind": "writing", "texts": dict(activity.texts)}
        case Retrying():
            return {"run": run, "kind": "retrying", **asdict(activity)}


def _sse(name: str, data: bytes, identity: str = "") -> bytes:
    number = f"id: {identity}\n".encode() if identity else b""
    return number + f"event: {name}\n".encode() + b"data: " + data + b"\n\n"


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
