"""Keeps runs in a database: facts are appended in transactions that a crash cannot tear."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from callsheet.errors import StorageError
from callsheet.events import Event, RecordedEvent, decode
from callsheet.store.port import (
    EVERY,
    LEASE_SECONDS,
    LOOK_SECONDS,
    Allowance,
    HeldError,
    Lease,
    NoSuchRunError,
    RunRow,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
    from typing import Self

    from callsheet.store.database import Database, Row, Transaction


class SqlStore:
    """Runs in a database: in a SQLite file where a path is given."""

    def __init__(
        self,
        place: Path | Database,
        *,
        now: Callable[[], float] = time.time,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        if isinstance(place, Path):
            from callsheet.store.sqlite import Sqlite

            place = Sqlite(place, now=now)
        self.database = place
        self.lease_seconds = lease_seconds

    @classmethod
    def in_memory(cls, *, now: Callable[[], float] = time.time) -> Self:
        """A store that is gone with the process: for estimates, tests, and programs without files."""
        from callsheet.store.sqlite import Sqlite

        return cls(Sqlite(None, now=now))

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[RecordedEvent]:
        encoded = [(event, _encoded(event)) for event in events]

        async def write(do: Transaction) -> list[RecordedEvent]:
            if not await do("insert_run", run=lease.run, workflow=workflow):
                if (written := await _written(do, lease, 0, encoded)) is None:
                    raise StorageError(f"there is a run {lease.run} already")
                return written
            held = await do("insert_lease", run=lease.run, owner=lease.owner)
            await _keep(do, lease.run, files)
            return await _write(do, lease.run, 0, held[0][0], encoded)

        return await self.database.write(lease.run, write)

    async def append(
        self,
        lease: Lease,
        after: int,
        events: Sequence[Event],
        files: Mapping[str, str],
        *,
        release: bool = False,
    ) -> list[RecordedEvent]:
        encoded = [(event, _encoded(event)) for event in events]

        async def write(do: Transaction) -> list[RecordedEvent]:
            if (written := await _written(do, lease, after, encoded)) is not None:
                return written
            at = await _hold(do, lease, after, release=release)
            await _keep(do, lease.run, files)
            return await _write(do, lease.run, after, at, encoded)

        return await self.database.write(lease.run, write, last=release)

    async def events(self, run: str, after: int = 0) -> list[RecordedEvent]:
        rows = await self.database.read("select_events", run=run, after=after)
        if not rows and not await self.database.read("run_exists", run=run):
            raise _no_such_run(run)
        return [self._decoded(run, row) for row in rows]

    async def watch(self, run: str, after: int, seconds: float) -> list[RecordedEvent]:
        until = time.monotonic() + seconds
        while not (found := await self.events(run, after)) and time.monotonic() < until:  # noqa: ASYNC110  # others write elsewhere
            await asyncio.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))
        return found

    async def file(self, content_hash: str) -> str:
        rows = await self.database.read("select_file", hash=content_hash)
        if not rows:
            raise StorageError(
                f"a file kept with the run is missing from {self.database.place}",
                hint="`callsheet retry` uses today's files",
            )
        content = rows[0][0]
        return content if isinstance(content, str) else _text(content)

    async def runs(self, *, before: RunRow | None = None, limit: int = EVERY) -> list[RunRow]:
        started, run = (before.started, before.run) if before else (float("inf"), "")
        return await self._rows("select_runs", started=started, run=run, limit=limit)

    async def run(self, run: str) -> RunRow:
        rows = await self._rows("select_run", run=run)
        if not rows:
            raise _no_such_run(run)
        return rows[0]

    async def names_starting_with(self, beginning: str) -> list[str]:
        rows = await self.database.read("select_begun_with", beginning=beginning)
        return [run for (run,) in rows]

    async def written_since(self, at: float) -> list[RunRow]:
        return await self._rows("select_written", since=at)

    async def version(self) -> Hashable:
        return await self.database.version()

    async def spending(self, newest: int = EVERY) -> dict[str, list[RecordedEvent]]:
        rows = await self.database.read("select_spending", newest=newest)
        found: dict[str, list[RecordedEvent]] = {}
        unread: set[str] = set()
        # Most facts are the same in every run, to the letter: each is read once.
        known: dict[str, Event] = {}
        for run, seq, body, at in rows:
            try:
                if body not in known:
                    known[body] = self._decoded(run, (seq, body, at)).event
                found.setdefault(run, []).append(RecordedEvent(seq, at, known[body]))
            except StorageError:
                # A damaged fact must not hide the other runs; reading this one says what is wrong.
                unread.add(run)
        return {run: facts for run, facts in found.items() if run not in unread}

    async def take(  # noqa: PLR0913  # `also` is for what must be part of the same transaction
        self,
        run: str,
        owner: str,
        dead: str = "",
        *,
        after: int = 0,
        events: Sequence[Event] = (),
        also: Callable[[Transaction, Lease], Awaitable[None]] | None = None,
    ) -> Lease:
        encoded = [(event, _encoded(event)) for event in events]

        async def write(do: Transaction) -> Lease:
            taken = await do("take", run=run, owner=owner, dead=dead, lease=self.lease_seconds)
            if not taken:
                raise await self._refusal(do, run)
            lease = Lease(run, owner, int(taken[0][0]))
            if events:
                at = await _hold(do, lease, after)
                await _write(do, run, after, at, encoded)
            if also is not None:
                await also(do, lease)
            return lease

        return await self.database.write(run, write)

    async def beat(self, lease: Lease) -> None:
        async def write(do: Transaction) -> None:
            await _renew(do, lease)

        await self.database.write(lease.run, write)

    async def release(self, lease: Lease) -> None:
        async def write(do: Transaction) -> None:
            await do("release", **vars(lease))

        await self.database.write(lease.run, write, last=True)

    async def count_call(self, pace: str, tokens: int, allowed: Allowance) -> float:
        mark = secrets.token_hex(4)

        async def write(do: Transaction) -> float:
            await do("pace_alone", name=pace)
            await do("pace_forget", name=pace)
            made = await do("pace_calls", name=pace)
            if made:
                times = [(at, each) for at, each, _ in made]
                if (wait := allowed.wait(times, made[0][2], tokens)) > 0:
                    return wait
            await do("pace_count", name=pace, mark=mark, tokens=tokens)
            return 0.0

        return await self.database.write(pace, write)

    async def delete(self, run: str) -> None:
        async def write(do: Transaction) -> None:
            await do("forget_alone")
            if not await do("run_exists", run=run):
                raise _no_such_run(run)
            for name in (
                "delete_events",
                "delete_lease",
                "delete_kept",
                "delete_handed",
                "delete_run",
            ):
                await do(name, run=run)
            await do("delete_files")

        await self.database.erase(run, write)

    def close(self) -> None:
        self.database.close()

    async def _rows(self, statement: str, **values: object) -> list[RunRow]:
        rows = await self.database.read(statement, lease=self.lease_seconds, **values)
        return [_row(row) for row in rows]

    async def _refusal(self, do: Transaction, run: str) -> StorageError:
        """Why a run cannot be taken."""
        holder = await do("holder", run=run)
        if not holder:
            return _no_such_run(run)
        return HeldError(
            f"the run {run} is being carried out by {holder[0][0]}",
            hint=f"wait for it, or end that process; after {self.lease_seconds:g} s it is free",
        )

    def _decoded(self, run: str, row: Row) -> RecordedEvent:
        try:
            return RecordedEvent(row[0], row[2], decode(json.loads(row[1])))
        except (ValueError, ValidationError) as error:
            raise StorageError(
                f"fact {row[0]} of the run {run} in {self.database.place} cannot be read",
                hint=f"the other runs are unharmed; `callsheet delete {run}` forgets this one",
            ) from error


async def _hold(do: Transaction, lease: Lease, after: int, *, release: bool = False) -> float:
    """Renews the lease, or lets go of the run; answers with the time.

    Raises HeldError where it is not ours, or the run's last fact has another number than `after`.
    """
    following = "" if release else lease.owner
    held = await do("hold", **vars(lease), after=after, next=following)
    if not held:
        await _renew(do, lease)
        raise HeldError(f"the run {lease.run} has gone on meanwhile", hint="look at it anew")
    return float(held[0][0])


async def _renew(do: Transaction, lease: Lease) -> None:
    if not await do("renew", **vars(lease)):
        raise HeldError(
            f"the run {lease.run} was taken over by another process",
            hint=f"`callsheet show {lease.run}` shows how it goes on",
        )


async def _written(
    do: Transaction, lease: Lease, after: int, encoded: Sequence[tuple[Event, str]]
) -> list[RecordedEvent] | None:
    """These very facts, where they were committed and the answer to it was lost.

    Only who held the run could write them, so equal facts in their place are the same.
    """
    if not do.again:
        return None
    rows = await do("select_events", run=lease.run, after=after)
    holder = await do("holder", run=lease.run)
    same = [body for _, body, _ in rows] == [body for _, body in encoded]
    if holder[0][0] not in (lease.owner, "") or not same:
        return None
    return [
        RecordedEvent(seq, at, event)
        for (seq, _, at), (event, _) in zip(rows, encoded, strict=True)
    ]


async def _keep(do: Transaction, run: str, files: Mapping[str, str]) -> None:
    # In one order everywhere, so that two who keep the same files never wait for each other.
    kept = [
        {"run": run, "hash": content_hash, "content": content.encode("utf-8", "surrogatepass")}
        for content_hash, content in sorted(files.items())
    ]
    if kept:
        await do.each("insert_file", kept)
        await do.each("insert_kept", kept)


async def _write(
    do: Transaction, run: str, after: int, at: float, encoded: Sequence[tuple[Event, str]]
) -> list[RecordedEvent]:
    numbered = list(enumerate(encoded, start=after + 1))
    rows = [
        {"run": run, "seq": seq, "kind": event.kind, "body": body, "recorded": at}
        for seq, (event, body) in numbered
    ]
    await do.each("insert_event", rows)
    return [RecordedEvent(seq, at, event) for seq, (event, _) in numbered]


def _row(row: Row) -> RunRow:
    run, workflow, started, last, body, owner, heartbeat, seq, first, left = row
    return RunRow(
        run, workflow, started, last, _result(body), owner, heartbeat, seq, first, bool(left)
    )


def _encoded(event: Event) -> str:
    try:
        return event.model_dump_json(ensure_ascii=True)
    except ValueError:
        # Half a surrogate pair, which a person's own text or an LLM's may hold.
        return json.dumps(event.model_dump(mode="json"), ensure_ascii=True)


def _text(content: bytes) -> str:
    return bytes(content).decode("utf-8", "surrogatepass")


def _no_such_run(run: str) -> NoSuchRunError:
    return NoSuchRunError(f"there is no run {run!r}", hint="`callsheet runs` lists them")


def _result(body: str) -> str:
    try:
        return str(json.loads(body)["result"]) if body else ""
    except (ValueError, LookupError, TypeError):
        # A damaged fact must not hide the other runs; reading this one says what is wrong.
        return ""
