"""The stream of events: every fact of the watched runs once and in order, whichever process wrote it.

A stream holds nothing back in memory: it knows how far its reader is in each run, and fetches what
comes behind. A slow reader is behind, and catches up; one that reads nothing is let go.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.runs.listing import row_status
from callsheet.runs.names import batch_of
from callsheet.store.port import NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from callsheet.events import RecordedEvent
    from callsheet.runs.listing import RunListing
    from callsheet.store.port import Store

LOOK_SECONDS = 0.25
"""How often the store is asked whether another process wrote."""

REST_SECONDS = 0.05
"""How long it is left alone after a look, however much is written."""

COUNT_SECONDS = 2.0
"""How long the runs are left uncounted after they were: only who counts sees that one is deleted."""

BEAT_SECONDS = 15.0
SEND_SECONDS = 20.0
WINDOW_SECONDS = 60.0
"""A run is looked at for so long after its last fact; clocks of several machines differ."""

REMEMBERED = 2_000

HIDDEN = {
    "source",
    "manifest",
    "base_url",
    "max_cost",
    "answers",
    "anew",
    "manner",
    "once",
    "detail",
}
"""Fields of facts that stay here: places on this machine, and what no reader needs."""


class EventFeed:
    """Knows what was written lately, for all streams at once."""

    def __init__(self, store: Store, listing: RunListing) -> None:
        self.store = store
        self.generation = 0
        self.rings = 0
        self.closed = False
        self._listing = listing
        self._changes: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._known: dict[str, tuple[int, str]] = {}
        self._names: set[str] = set()
        self._facts: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self._news = asyncio.Event()
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Says that this process wrote."""
        self._nudged.set()

    def close(self) -> None:
        """Ends every stream."""
        self.closed = True
        self._news.set()

    async def watch(self) -> None:
        """Looks for what anybody wrote, until it is cancelled."""
        version: object = None
        counted: object = None
        rested = 0.0
        while True:
            with suppress(CallsheetError):
                now = await self.store.version()
                if now != version:
                    await self._look()
                    version = now
                if now != counted and time.monotonic() > rested:
                    await self._count()
                    counted, rested = now, time.monotonic() + COUNT_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._nudged.wait()
            self._nudged.clear()
            await asyncio.sleep(REST_SECONDS)

    async def wait(self, rings: int) -> None:
        """Returns when something was written since so many rings, or at the time for a sign of life."""
        if self.rings == rings and not self.closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._news.wait()

    def changes(self, after: int) -> list[bytes] | None:
        """The runs that went on since; None where so many did that the list must be read anew."""
        if self._changes and self._changes[0][0] > after + 1 and after:
            return None
        return [body for number, body in self._changes if number > after]

    async def facts(self, run: str, after: int) -> list[tuple[int, bytes]]:
        """The facts behind `after`, ready to be sent; raises NoSuchRunError."""
        key = (run, after)
        if key not in self._facts:
            self._facts[key] = [
                (each.seq, json.dumps(public(run, each)).encode())
                for each in await self.store.events(run, after)
            ]
        return self._facts[key]

    def gone(self, run: str) -> None:
        """A run was deleted."""
        self._known.pop(run, None)
        self._names.discard(run)
        self._broadcast(_event("gone", json.dumps({"run": run}).encode()))
        self._ring()

    async def _look(self) -> None:
        rows = await self.store.active_since(time.time() - WINDOW_SECONDS)
        self._facts.clear()
        for row in reversed(rows):
            if batch_of(row.run):
                continue
            now = (row.seq, row_status(row))
            if self._known.get(row.run) != now:
                self._known[row.run] = now
                self._names.add(row.run)
                glance = json.dumps(await self._listing.entry(row)).encode()
                self._broadcast(_event("run", glance))
        self._ring()

    async def _count(self) -> None:
        """Tells of the runs that were there when they were last counted, and are not any more."""
        names = {run for run in await self.store.names_starting_with("") if not batch_of(run)}
        for run in sorted(self._names - names):
            self.gone(run)
        self._names = names

    def _broadcast(self, body: bytes) -> None:
        self.generation += 1
        self._changes.append((self.generation, body))

    def _ring(self) -> None:
        self.rings += 1
        self._news.set()
        self._news = asyncio.Event()


class EventStream:
    """One browser's stream over HTTP: an ASGI answer."""

    def __init__(self, feed: EventFeed, positions: dict[str, int]) -> None:
        self._feed = feed
        self._positions = positions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        left = asyncio.create_task(_leaves(receive))
        sending = asyncio.create_task(self._send_all(send))
        try:
            await asyncio.wait((left, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (left, sending):
                task.cancel()
            await asyncio.gather(left, sending, return_exceptions=True)
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        async for chunk in self._chunks():
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _chunks(self) -> AsyncIterator[bytes]:
        generation, rings = self._feed.generation, self._feed.rings
        first = b"".join([chunk async for chunk in self._news()])
        ready = _event("ready", json.dumps({"runs": self._positions}).encode())
        yield b"retry: 1000\n\n" + ready + first
        while not self._feed.closed:
            await self._feed.wait(rings)
            changes = self._feed.changes(generation)
            generation, rings = self._feed.generation, self._feed.rings
            facts = [chunk async for chunk in self._news()]
            listed = [ready] if changes is None else changes
            yield b"".join([*facts, *listed]) or b": beat\n\n"

    async def _news(self) -> AsyncIterator[bytes]:
        for run in [*self._positions]:
            try:
                facts = await self._feed.facts(run, self._positions[run])
            except NoSuchRunError:
                del self._positions[run]
                yield _event("gone", json.dumps({"run": run}).encode())
                continue
            for seq, body in facts:
                self._positions[run] = seq
                yield _event("fact", body, identity=self._identity())

    def _identity(self) -> str:
        return ",".join(f"{run}:{seq}" for run, seq in self._positions.items())


def positions_of(text: str) -> dict[str, int]:
    """How far a reader is, by run: `run:seq,run:seq`; what has another form is left out."""
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return {run: int(seq) for run, _, seq in pairs if run and re.fullmatch("[0-9]{1,9}", seq)}


def public(run: str, recorded: RecordedEvent) -> dict[str, Any]:
    """A fact as readers see it."""
    event = recorded.event
    fields = event.model_dump(mode="json", exclude=HIDDEN)
    match event.kind:
        case "call_replied":
            del fields["text"]
        case "output_written":
            fields["names"] = list(fields.pop("values"))
        case "values_finished":
            values = fields["values"]
            fields["values"] = {name.removeprefix("prompts."): values[name] for name in values}
        case "question_asked":
            fields["question"] = {"number": recorded.seq} | fields["question"]
        case _:
            pass
    return {"run": run, "seq": recorded.seq, "at": recorded.at} | fields


def _event(name: str, data: bytes, identity: str = "") -> bytes:
    number = f"id: {identity}\n".encode() if identity else b""
    return number + f"event: {name}\n".encode() + b"data: " + data + b"\n\n"


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
