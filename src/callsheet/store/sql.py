"""Keeps runs in one SQLite file: facts are appended in transactions that a crash cannot tear.

Those who write in the same turn of the event loop share one transaction, and so one wait for the
disk; each of them goes on only when it is committed.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from callsheet.errors import StorageError
from callsheet.events import Event, Recorded, decode
from callsheet.store.port import EVERY, LEASE_SECONDS, HeldError, Lease, NoSuchRunError, RunRow
from callsheet.store.statements import load_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

VERSION = "1"
"""The layout of the file. A file of a newer version is left alone."""

BUSY_SECONDS = 10.0

EVER = 1e18
"""A time (Unix seconds) that no run began after."""

WAL_SAFE = (3, 51, 3)
"""The first SQLite whose write-ahead log cannot be reset under a reader; see docs/decisions."""


class SqlStore:
    """Runs in one SQLite file, made when it is first used."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._sql = load_statements()
        self._latest = ""
        self._due: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        with self._told():
            self._connection = self._open()

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[Recorded]:
        def write() -> list[Recorded]:
            at = self._now()
            self._do("insert_run", run=lease.run, workflow=workflow, at=at)
            self._do("insert_lease", run=lease.run, owner=lease.owner, at=at)
            return self._write(lease.run, 0, events, files)

        return await self._together(lease.run, write)

    async def append(
        self, lease: Lease, after: int, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[Recorded]:
        def write() -> list[Recorded]:
            self._hold(lease, after)
            return self._write(lease.run, after, events, files)

        return await self._together(lease.run, write)

    async def events(self, run: str, after: int = 0) -> list[Recorded]:
        with self._told():
            rows = self._do("select_events", run=run, after=after).fetchall()
            if not rows and self._do("run_exists", run=run).fetchone() is None:
                raise _no_such(run)
        return [self._decoded(run, row) for row in rows]

    async def file(self, content_hash: str) -> str:
        with self._told():
            row = self._do("select_file", hash=content_hash).fetchone()
        if row is None:
            raise StorageError(
                f"a file kept with the run is missing from {self.path}",
                hint="`callsheet retry` uses today's files",
            )
        return str(row[0])

    async def runs(self, *, before: RunRow | None = None, limit: int = EVERY) -> list[RunRow]:
        started, run = (before.started, before.run) if before else (EVER, "")
        with self._told():
            rows = self._do("select_runs", started=started, run=run, limit=limit).fetchall()
        return [_row(row) for row in rows]

    async def run(self, run: str) -> RunRow:
        with self._told():
            row = self._do("select_run", run=run).fetchone()
        if row is None:
            raise _no_such(run)
        return _row(row)

    async def begun_with(self, beginning: str) -> list[str]:
        with self._told():
            rows = self._do("select_begun_with", beginning=beginning).fetchall()
        return [run for (run,) in rows]

    async def written_since(self, at: float) -> list[RunRow]:
        with self._told():
            rows = self._do("select_written", at=at).fetchall()
        return [_row(row) for row in rows]

    async def version(self) -> Hashable:
        with self._told():
            # What others wrote, and what this connection did.
            others = self._connection.execute("pragma data_version").fetchone()[0]
            return others, self._connection.total_changes

    async def take(
        self, run: str, owner: str, dead: str = "", *, after: int = 0, events: Sequence[Event] = ()
    ) -> Lease:
        at = self._now()
        with self._transaction():
            row = self._do(
                "take", run=run, owner=owner, dead=dead, at=at, left=at - LEASE_SECONDS
            ).fetchone()
            if row is not None:
                lease = Lease(run, owner, int(row[0]))
                if events:
                    self._hold(lease, after)
                    self._write(run, after, events, {})
                return lease
            holder = self._do("holder", run=run).fetchone()
        if holder is None:
            raise _no_such(run)
        raise HeldError(
            f"the run {run} is being carried out by {holder[0]}",
            hint=f"wait for it, or end that process; after {LEASE_SECONDS:.0f} s it is free",
        )

    async def beat(self, lease: Lease) -> None:
        with self._transaction():
            self._renew(lease)

    async def release(self, lease: Lease) -> None:
        def write() -> None:
            self._do("release", **vars(lease))

        await self._together(lease.run, write)

    async def delete(self, run: str) -> None:
        with self._journal_emptied(), self._transaction():
            if self._do("run_exists", run=run).fetchone() is None:
                raise _no_such(run)
            for name in ("delete_events", "delete_lease", "delete_kept", "delete_run"):
                self._do(name, run=run)
            self._do("delete_files")

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = "rw" if self._writable() else "ro"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if mode == "rw":
                self._prepare(connection)
            else:
                self._check_version(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _writable(self) -> bool:
        """Whether the file can be written to; it is made where it is missing."""
        try:
            # Briefs and prompts are a person's own: nobody else on the machine reads them.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EROFS) and self.path.is_file():
                # What is kept can still be looked at.
                return False
            raise
        return True

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Lays out a new file; leaves one of another version as it is."""
        found = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if found:
            self._check_version(connection)
        wal = sqlite3.sqlite_version_info >= WAL_SAFE
        connection.execute(f"pragma journal_mode = {'wal' if wal else 'persist'}")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        if not found:
            self._lay_out(connection)
            self._check_version(connection)

    def _check_version(self, connection: sqlite3.Connection) -> None:
        row = connection.execute(self._sql["read_version"]).fetchone()
        if row is None or row[0] != VERSION:
            raise StorageError(
                f"{self.path} has the layout {row and row[0]!r}; this callsheet reads {VERSION!r}",
                hint="use the callsheet that made it, or set CALLSHEET_HOME to another folder",
            )

    def _lay_out(self, connection: sqlite3.Connection) -> None:
        connection.execute("begin immediate")
        for name, sql in self._sql.items():
            if name.startswith("create_"):
                # Each fact lies in one place of the file, not in a table and an index.
                connection.execute(f"{sql} without rowid")
        connection.execute(self._sql["index_runs"])
        connection.execute(self._sql["write_version"], {"version": VERSION})
        connection.execute("commit")

    def _do(self, statement: str, **values: object) -> sqlite3.Cursor:
        return self._connection.execute(self._sql[statement], values)

    def _renew(self, lease: Lease) -> None:
        held = self._do("renew", **vars(lease), at=self._now())
        if held.rowcount != 1:
            raise HeldError(
                f"the run {lease.run} was taken over by another process",
                hint=f"`callsheet show {lease.run}` shows how it goes on",
            )

    def _hold(self, lease: Lease, after: int) -> None:
        """Renews a lease whose run still ends with fact `after`."""
        held = self._do("hold", **vars(lease), after=after, at=self._now())
        if held.rowcount != 1:
            self._renew(lease)  # raises where it was taken over
            raise HeldError(f"the run {lease.run} has gone on meanwhile", hint="look at it anew")

    def _write(
        self, run: str, after: int, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[Recorded]:
        for content_hash, content in files.items():
            self._do("insert_file", hash=content_hash, content=content)
            self._do("insert_kept", run=run, hash=content_hash)
        written = []
        for seq, event in enumerate(events, start=after + 1):
            at = self._now()
            body = json.dumps(event.model_dump(mode="json"), ensure_ascii=True)
            self._do("insert_event", run=run, seq=seq, kind=event.kind, body=body, at=at)
            written.append(Recorded(seq, at, event))
        return written

    def _decoded(self, run: str, row: tuple[int, str, float]) -> Recorded:
        try:
            return Recorded(row[0], row[2], decode(json.loads(row[1])))
        except (ValueError, ValidationError) as error:
            raise StorageError(
                f"fact {row[0]} of the run {run} in {self.path} cannot be read",
                hint=f"the other runs are unharmed; `callsheet delete {run}` forgets this one",
            ) from error

    async def _together(self, run: str, write: Callable[[], T]) -> T:
        """What `write` answers, once its transaction is committed.

        A run that wrote last time too is alone and waits for nobody; others let those who are at
        work join in. It is written even where nobody waits for it any more: it was asked for.
        """
        alone, self._latest = run == self._latest and not self._due, run
        if alone:
            with self._transaction():
                return write()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._due.append((write, done))
        loop.call_soon(self._commit_due)
        return await done

    def _commit_due(self) -> None:
        """Commits what is due in one transaction; where one cannot be written, the others are."""
        due, self._due = self._due, []
        if not due:
            return
        try:
            with self._transaction():
                outcomes = [self._attempt(write) for write, _ in due]
        except BaseException as error:
            outcomes = [(None, error)] * len(due)
            if not isinstance(error, Exception):
                raise
        finally:
            for (_, done), (written, failure) in zip(due, outcomes, strict=True):
                _tell(done, written, failure)

    def _attempt(self, write: Callable[[], T]) -> tuple[T | None, BaseException | None]:
        """What `write` answers, or why it wrote nothing."""
        self._connection.execute("savepoint attempt")
        try:
            with self._told():
                answer = write()
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite has ended the transaction, and with it what the others wrote
            self._connection.execute("rollback to attempt")
            return None, error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("release attempt")
        return answer, None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._connection.execute("begin immediate")
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                # A full disk has ended the transaction already.
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    @contextmanager
    def _journal_emptied(self) -> Iterator[None]:
        """What is deleted meanwhile is not left behind in the journal, which is a file that stays."""
        self._connection.execute("pragma journal_size_limit = 0")
        try:
            yield
        finally:
            self._connection.execute("pragma journal_size_limit = -1")
            self._connection.execute("pragma wal_checkpoint(truncate)")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Says which file is in trouble, and what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"runs cannot be kept in {self.path}: {error}",
                hint="mend or free that place, or set CALLSHEET_HOME to another folder",
            ) from error


def _no_such(run: str) -> NoSuchRunError:
    return NoSuchRunError(f"there is no run {run!r}", hint="`callsheet runs` lists them")


def _row(row: Sequence[Any]) -> RunRow:
    run, workflow, started, kind, body, owner, heartbeat, seq, first = row
    return RunRow(run, workflow, started, kind, _result(body), owner, heartbeat, seq, first)


def _tell(done: asyncio.Future[T], answer: T | None, failure: BaseException | None) -> None:
    """Lets the one who waits go on, unless it was cancelled meanwhile."""
    if done.cancelled():
        return
    if failure is None:
        done.set_result(answer)  # type: ignore[arg-type]
    else:
        done.set_exception(failure)


def _result(body: str) -> str:
    try:
        return str(json.loads(body)["result"]) if body else ""
    except (ValueError, LookupError, TypeError):
        # A damaged fact must not hide the other runs; reading this one says what is wrong.
        return ""
