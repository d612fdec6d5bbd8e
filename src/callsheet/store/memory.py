"""Keeps runs in memory: for estimates, for tests, and for programs that want no files."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import StorageError
from callsheet.events import Event, RecordedEvent
from callsheet.store.port import (
    EVERY,
    LEASE_SECONDS,
    LOOK_SECONDS,
    MINUTE,
    SPENDING,
    Allowance,
    HeldError,
    Lease,
    NoSuchRunError,
    RunRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence


@dataclass
class _Run:
    workflow: str
    started: float
    lease: Lease
    heartbeat: float
    files: set[str] = field(default_factory=set)
    events: list[RecordedEvent] = field(default_factory=list)


class MemoryStore:
    """The store's promises without their durability."""

    def __init__(
        self, *, now: Callable[[], float] = time.time, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self._now = now
        self.lease_seconds = lease_seconds
        self._runs: dict[str, _Run] = {}
        self._files: dict[str, str] = {}
        self._paces: dict[str, list[tuple[float, int]]] = {}
        self._version = 0

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[RecordedEvent]:
        if lease.run in self._runs:
            raise StorageError(f"there is a run {lease.run} already")
        at = self._now()
        self._runs[lease.run] = _Run(workflow, at, lease, at)
        return await self.append(lease, 0, events, files)

    async def append(
        self,
        lease: Lease,
        after: int,
        events: Sequence[Event],
        files: Mapping[str, str],
        *,
        release: bool = False,
    ) -> list[RecordedEvent]:
        run = self._held(lease)
        if len(run.events) != after:
            raise HeldError(f"the run {lease.run} has gone on meanwhile", hint="look at it anew")
        self._files.update(files)
        run.files |= set(files)
        at = self._now()
        written = [
            RecordedEvent(seq, at, event) for seq, event in enumerate(events, start=after + 1)
        ]
        run.events += written
        self._version += 1
        if release:
            await self.release(lease)
        return written

    async def events(self, run: str, after: int = 0) -> list[RecordedEvent]:
        return self._run(run).events[after:]

    async def watch(self, run: str, after: int, seconds: float) -> list[RecordedEvent]:
        until = time.monotonic() + seconds
        while not (found := await self.events(run, after)) and time.monotonic() < until:  # noqa: ASYNC110  # others write elsewhere
            await asyncio.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))
        return found

    async def file(self, content_hash: str) -> str:
        if content_hash not in self._files:
            raise StorageError("a file kept with the run is missing")
        return self._files[content_hash]

    async def runs(self, *, before: RunRow | None = None, limit: int = EVERY) -> list[RunRow]:
        rows = sorted(map(self._row, self._runs), key=_order, reverse=True)
        return [row for row in rows if before is None or _order(row) < _order(before)][:limit]

    async def run(self, run: str) -> RunRow:
        self._run(run)
        return self._row(run)

    async def names_starting_with(self, beginning: str) -> list[str]:
        return [row.run for row in await self.runs() if row.run.startswith(beginning)]

    async def written_since(self, at: float) -> list[RunRow]:
        return [row for row in await self.runs() if row.heartbeat >= at]

    async def version(self) -> Hashable:
        return self._version

    async def spending(self, newest: int = EVERY) -> dict[str, list[RecordedEvent]]:
        return {
            row.run: [fact for fact in self._run(row.run).events if fact.event.kind in SPENDING]
            for row in await self.runs(limit=newest)
        }

    async def take(
        self, run: str, owner: str, dead: str = "", *, after: int = 0, events: Sequence[Event] = ()
    ) -> Lease:
        kept = self._run(run)
        if kept.lease.owner not in ("", owner, dead) and not self._left(kept):
            raise HeldError(f"the run {run} is being carried out by {kept.lease.owner}")
        if events and len(kept.events) != after:
            raise HeldError(f"the run {run} has gone on meanwhile", hint="look at it anew")
        kept.lease = Lease(run, owner, kept.lease.epoch + 1)
        kept.heartbeat = self._now()
        if events:
            await self.append(kept.lease, after, events, {})
        return kept.lease

    async def beat(self, lease: Lease) -> None:
        self._held(lease)

    async def release(self, lease: Lease) -> None:
        run = self._runs.get(lease.run)
        if run is not None and run.lease == lease:
            run.lease = Lease(lease.run, "", lease.epoch)

    async def count_call(self, pace: str, tokens: int, allowed: Allowance) -> float:
        now = self._now()
        made = [(at, each) for at, each in self._paces.get(pace, ()) if at > now - MINUTE]
        if (wait := allowed.wait(made, now, tokens)) == 0:
            made.append((now, tokens))
        self._paces[pace] = made
        return wait

    async def delete(self, run: str) -> None:
        self._run(run)
        del self._runs[run]
        self._version += 1
        kept = {key for each in self._runs.values() for key in each.files}
        self._files = {key: text for key, text in self._files.items() if key in kept}

    def close(self) -> None:
        self._runs.clear()

    def _row(self, name: str) -> RunRow:
        run = self._runs[name]
        last = run.events[-1]
        return RunRow(
            name,
            run.workflow,
            run.started,
            last.event.kind,
            getattr(last.event, "result", ""),
            run.lease.owner,
            run.heartbeat,
            last.seq,
            json.dumps(run.events[0].event.model_dump(mode="json")),
            self._left(run),
        )

    def _left(self, run: _Run) -> bool:
        return run.heartbeat < self._now() - self.lease_seconds

    def _run(self, run: str) -> _Run:
        if run not in self._runs:
            raise NoSuchRunError(f"there is no run {run!r}", hint="`callsheet runs` lists them")
        return self._runs[run]

    def _held(self, lease: Lease) -> _Run:
        run = self._runs.get(lease.run)
        if run is None or run.lease != lease:
            raise HeldError(f"the run {lease.run} was taken over by another process")
        run.heartbeat = self._now()
        return run


def _order(row: RunRow) -> tuple[float, str]:
    return row.started, row.run
