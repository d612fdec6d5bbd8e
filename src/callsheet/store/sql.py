"""Stores runs in a SQL database: SQLite or PostgreSQL, by the statements of `queries.sql`."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from callsheet.errors import StorageError
from callsheet.events import Event, RecordedEvent, decode
from callsheet.store.port import (
    LEASE_SECONDS,
    NO_LIMIT,
    POLL_SECONDS,
    Lease,
    LeaseError,
    NoSuchRunError,
    RunRow,
    UnreadableRunError,
)
from callsheet.store.texts import add_texts, runs_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
    from typing import Self

    from callsheet.events import RunEvent, RunNoted
    from callsheet.store.database import Database, Row, Transaction
    from callsheet.store.port import RateLimit, TitlingKind


class SqlStore:
    """Runs in a database; a path means a SQLite file."""

    def __init__(
        self,
        place: Path | Database,
        *,
        now: Callable[[], float] | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        if isinstance(place, Path):
            from callsheet.store.sqlite import Sqlite

            place = Sqlite(place, now=now)
        self.database = place
        self.lease_seconds = lease_seconds

    @classmethod
    def in_memory(cls, *, now: Callable[[], float] | None = None) -> Self:
        """A store that ends with the process: for estimates, tests, and programs without files."""
        from callsheet.store.sqlite import Sqlite

        return cls(Sqlite(None, now=now))

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[RecordedEvent]:
        encoded = [(event, _encoded(event)) for event in events]

        async def write(do: Transaction) -> list[RecordedEvent]:
            if not await do("insert_run", run=lease.run, workflow=workflow):
                if (written := await _committed_before(do, lease, 0, encoded)) is None:
                    raise StorageError(f"a run named {lease.run} exists already")
                return written
            leased = await do("insert_lease", run=lease.run, owner=lease.owner)
            await _add_files(do, lease.run, files)
            return await _add_events(do, lease.run, 0, leased[0][0], encoded)

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
            if (written := await _committed_before(do, lease, after, encoded)) is not None:
                return written
            at = await _renew_if_last(do, lease, after, release=release)
            await _add_files(do, lease.run, files)
            return await _add_events(do, lease.run, after, at, encoded)

        return await self.database.write(lease.run, write, last=release)

    async def events(self, run: str, after: int = 0) -> list[RecordedEvent]:
        rows = await self.database.read("select_events", run=run, after=after)
        if not rows and not await self.database.read("run_exists", run=run):
            raise _no_such_run(run)
        return [self._decoded(run, row) for row in rows]

    async def note(self, run: str, event: RunNoted, files: Mapping[str, str]) -> None:
        from callsheet.store.notes import add_note, lock_notes

        async def write(do: Transaction) -> None:
            if not await lock_notes(do, run, event):
                raise _no_such_run(run)
            await _add_files(do, run, files)
            await add_note(do, run, event, _encoded(event))

        await self.database.write(run, write, last=True)

    async def notes(self, run: str) -> list[RunNoted]:
        from callsheet.store.notes import read_notes

        return await read_notes(self.database, run)

    async def titling_events(
        self, rows: Sequence[RunRow], kind: TitlingKind
    ) -> dict[str, list[dict[str, Any]]]:
        from callsheet.store.notes import read_titling

        return await read_titling(self.database, rows, kind)

    async def runs_with(self, word: str, prefix: str = "") -> set[str]:
        return await runs_with(self.database, word, prefix)

    async def wait_for_events(self, run: str, after: int, seconds: float) -> list[RecordedEvent]:
        deadline = time.monotonic() + seconds
        while not (found := await self.events(run, after)) and time.monotonic() < deadline:  # noqa: ASYNC110  # other processes append
            await asyncio.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        return found

    async def file(self, content_hash: str) -> str:
        rows = await self.database.read("select_file", hash=content_hash)
        if not rows:
            raise UnreadableRunError(
                f"a file of the run is missing from {self.database.place}",
                hint="`callsheet retry` uses the current files",
            )
        content = rows[0][0]
        try:
            return content if isinstance(content, str) else _text(content)
        except (UnicodeDecodeError, TypeError) as error:
            raise UnreadableRunError(
                f"a stored file is not what was stored: {content_hash[:12]}",
                hint="`callsheet retry` uses the current files",
            ) from error

    async def runs(self, *, before: RunRow | None = None, limit: int = NO_LIMIT) -> list[RunRow]:
        number, run = (before.number, before.run) if before else (NO_LIMIT, "")
        return await self._rows("select_runs", number=number, run=run, limit=limit)

    async def run(self, run: str) -> RunRow:
        rows = await self._rows("select_run", run=run)
        if not rows:
            raise _no_such_run(run)
        return rows[0]

    async def names_starting_with(self, prefix: str) -> list[str]:
        rows = await self.database.read("select_names_with_prefix", prefix=prefix)
        return [run for (run,) in rows]

    async def active_within(self, seconds: float) -> list[RunRow]:
        return await self._rows("select_active_runs", seconds=seconds)

    async def version(self) -> Hashable:
        return await self.database.version()

    async def billing_events(self, newest: int = NO_LIMIT) -> dict[str, list[RecordedEvent]]:
        rows = await self.database.read("select_billing_events", newest=newest)
        found: dict[str, list[RecordedEvent]] = {}
        damaged: set[str] = set()
        # Most events are the same text in every run: each text is decoded once.
        decoded: dict[str, Event] = {}
        for run, seq, body, at in rows:
            try:
                if body not in decoded:
                    decoded[body] = self._decoded(run, (seq, body, at)).event
                found.setdefault(run, []).append(RecordedEvent(seq, at, decoded[body]))
            except StorageError:
                # A damaged event must not hide the other runs; reading its run names the damage.
                damaged.add(run)
        return {run: events for run, events in found.items() if run not in damaged}

    async def acquire(  # noqa: PLR0913  # `also` runs in the same transaction
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
            rows = await do(
                "acquire_lease", run=run, owner=owner, dead=dead, lease=self.lease_seconds
            )
            if not rows:
                raise await self._lease_error(do, run)
            lease = Lease(run, owner, int(rows[0][0]))
            if events:
                at = await _renew_if_last(do, lease, after)
                await _add_events(do, run, after, at, encoded)
            if also is not None:
                await also(do, lease)
            return lease

        return await self.database.write(run, write)

    async def renew_lease(self, lease: Lease) -> None:
        async def write(do: Transaction) -> None:
            await _renew(do, lease)

        await self.database.write(lease.run, write)

    async def release(self, lease: Lease) -> None:
        async def write(do: Transaction) -> None:
            await do("release_lease", **vars(lease))

        await self.database.write(lease.run, write, last=True)

    async def count_call(self, key: str, tokens: int, limit: RateLimit) -> float:
        from callsheet.store.rate_limits import count_call

        return await count_call(self.database, key, tokens, limit)

    async def mark(self, name: str) -> str:
        rows = await self.database.read("read_mark", name=name)
        return str(rows[0][0]) if rows else ""

    async def marks(self, prefix: str) -> dict[str, str]:
        rows = await self.database.read("select_marks", prefix=prefix)
        return {str(name): str(text) for name, text in rows}

    async def set_mark(self, name: str, text: str) -> None:
        async def write(do: Transaction) -> None:
            if text:
                await do("write_mark", name=name, value=text)
            else:
                await do("delete_mark", name=name)

        await self.database.write(name, write, last=True)

    async def delete(self, run: str) -> None:
        async def write(do: Transaction) -> None:
            await do("lock_files")
            if not await do("run_exists", run=run):
                raise _no_such_run(run)
            for name in (
                "delete_events",
                "delete_texts",
                "delete_lease",
                "delete_run_files",
                "delete_queued_run",
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

    async def _lease_error(self, do: Transaction, run: str) -> StorageError:
        """Why a run cannot be acquired."""
        rows = await do("select_owner", run=run)
        if not rows:
            return _no_such_run(run)
        return LeaseError(
            f"the run {run} is being executed by {rows[0][0]}",
            hint="wait until it ends, or end that process:"
            f" its lease expires after {self.lease_seconds:g} s",
        )

    def _decoded(self, run: str, row: Row) -> RecordedEvent:
        try:
            return RecordedEvent(row[0], row[2], decode(json.loads(row[1])))
        except (ValueError, ValidationError) as error:
            raise UnreadableRunError(
                f"event {row[0]} of the run {run} in {self.database.place} cannot be read",
                hint=f"other runs are not affected; `callsheet delete {run}` deletes this one",
            ) from error


async def _renew_if_last(
    do: Transaction, lease: Lease, after: int, *, release: bool = False
) -> float:
    """Renews or ends the lease if the run's last event is number `after`; returns the time.

    Raises LeaseError where it is not, or where the lease was lost.
    """
    following = "" if release else lease.owner
    rows = await do("renew_lease_if_last", **vars(lease), after=after, next=following)
    if not rows:
        await _renew(do, lease)
        raise LeaseError(
            f"the run {lease.run} was changed by another process",
            hint=f"`callsheet show {lease.run}` shows its current state",
        )
    return float(rows[0][0])


async def _renew(do: Transaction, lease: Lease) -> None:
    if not await do("renew_lease", **vars(lease)):
        raise LeaseError(
            f"the run {lease.run} was taken over by another process",
            hint=f"`callsheet show {lease.run}` shows its current state",
        )


async def _committed_before(
    do: Transaction, lease: Lease, after: int, encoded: Sequence[tuple[Event, str]]
) -> list[RecordedEvent] | None:
    """These events, where a transaction whose result was lost has committed them already.

    Only the owner of the run could append them, so equal events at this position are the same.
    """
    if not do.again:
        return None
    rows = await do("select_events", run=lease.run, after=after)
    owner = await do("select_owner", run=lease.run)
    same = [body for _, body, _ in rows] == [body for _, body in encoded]
    if owner[0][0] not in (lease.owner, "") or not same:
        return None
    return [
        RecordedEvent(seq, at, event)
        for (seq, _, at), (event, _) in zip(rows, encoded, strict=True)
    ]


async def _add_files(do: Transaction, run: str, files: Mapping[str, str]) -> None:
    # Always in the same order, so that two transactions with the same files cannot deadlock.
    rows = [
        {"run": run, "hash": content_hash, "content": content.encode("utf-8", "surrogatepass")}
        for content_hash, content in sorted(files.items())
    ]
    if rows:
        await do.each("insert_file", rows)
        await do.each("insert_run_file", rows)


async def _add_events(
    do: Transaction, run: str, after: int, at: float, encoded: Sequence[tuple[Event, str]]
) -> list[RecordedEvent]:
    numbered = list(enumerate(encoded, start=after + 1))
    rows = [
        {"run": run, "seq": seq, "kind": event.kind, "body": body, "recorded": at}
        for seq, (event, body) in numbered
    ]
    await do.each("insert_event", rows)
    await add_texts(do, rows)
    return [RecordedEvent(seq, at, event) for seq, (event, _) in numbered]


def _row(row: Row) -> RunRow:
    run, workflow, started, last, body, owner, heartbeat, seq, first, expired, *numbers = row
    result, is_expired = _result(body), bool(expired)
    return RunRow(
        run, workflow, started, last, result, owner, heartbeat, seq, first, is_expired, *numbers
    )


def _encoded(event: RunEvent) -> str:
    try:
        return event.model_dump_json(ensure_ascii=True)
    except ValueError:
        # An unpaired surrogate, which text of a person or an LLM may contain.
        return json.dumps(event.model_dump(mode="json"), ensure_ascii=True)


def _text(content: bytes) -> str:
    return bytes(content).decode("utf-8", "surrogatepass")


def _no_such_run(run: str) -> NoSuchRunError:
    return NoSuchRunError(f"there is no run {run!r}", hint="`callsheet runs` lists them")


def _result(body: str) -> str:
    try:
        return str(json.loads(body)["result"]) if body else ""
    except (ValueError, LookupError, TypeError):
        # A damaged event must not hide the other runs; reading its run names the damage.
        return ""
