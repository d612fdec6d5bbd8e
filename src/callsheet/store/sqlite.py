"""Stores runs in a SQLite database: a file, or memory.

Those who write at the same time share one transaction, and so one wait for the disk; each of them
goes on only when it is committed. The wait is a thread's: meanwhile others work, and what they
write is the next transaction.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from callsheet.errors import (
    StorageCorruptError,
    StorageError,
    StorageFullError,
    StorageLockedError,
    StorageReadOnlyError,
    refused,
)
from callsheet.store.statements import VERSION, load_statements, statements_since

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    from callsheet.store.database import Row, Transaction

T = TypeVar("T")

if TYPE_CHECKING:
    Due = tuple[Callable[[Transaction], Awaitable[Any]], asyncio.Future[Any]]
    Outcome = tuple[Any, BaseException | None]

BUSY_SECONDS = 10.0

WAL_SAFE = (3, 51, 3)
"""The first SQLite whose write-ahead log cannot be reset under a reader; see docs/decisions."""


class Sqlite:
    """A SQLite file, created when it is first used; without a path, a database in memory."""

    again = False
    """The file is on this machine: what was committed is always heard of."""

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._sql = load_statements()
        self._latest = ""
        self._due: list[Due] = []
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._commit: Future[None] | None = None
        self.place = str(path or "memory")
        self._told = _Told(self.place)
        with self._told:
            self.connection = self._open(path) if path else self._in_memory()

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        await self._quiet()
        with self._told:
            return await self(statement, **values)

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        # A run that wrote last time too, or begins when another has ended, is alone and waits for
        # nobody; others let those who are at work join in.
        alone = self._latest in ("", run) and not self._due and not self._committing()
        alone = alone or self.path is None
        self._latest = "" if last else run
        if alone:
            return await self._by_itself(work)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._due.append((work, done))
        loop.call_soon(self._commit_due)
        return await done

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        del run
        await self._quiet()
        with self._journal_emptied():
            return await self._by_itself(work)

    async def version(self) -> Hashable:
        await self._quiet()
        with self._told:
            # What others wrote, and what this connection did.
            others = self.connection.execute("pragma data_version").fetchone()[0]
            return others, self.connection.total_changes

    async def describe(self) -> str:
        with self._told:
            mode = self.connection.execute("pragma journal_mode").fetchone()[0]
        return f"SQLite {sqlite3.sqlite_version}, journal {mode}, layout {VERSION}"

    async def __call__(self, statement: str, /, **values: object) -> list[Row]:
        told = {**values, "at": self._now(), "awake": float("-inf")}
        return self.connection.execute(self._sql[statement], told).fetchall()

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        self.connection.executemany(self._sql[statement], rows)

    def close(self) -> None:
        self._disk.shutdown()
        self.connection.close()

    def _in_memory(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        # Nothing outside the process is held, so callers need not close it.
        weakref.finalize(self, connection.close)
        self._prepare(connection)
        return connection

    def _open(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = "rw" if _is_writable(path) else "ro"
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if mode == "rw":
                self._prepare(connection)
            else:
                self._version(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Lays out a new file, lifts an older one; leaves one of a newer version as it is."""
        new = not connection.execute("select count(*) from sqlite_master").fetchone()[0]
        found = 0 if new else self._version(connection)
        wal = sqlite3.sqlite_version_info >= WAL_SAFE
        connection.execute(f"pragma journal_mode = {'wal' if wal else 'persist'}")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        if found < VERSION:
            connection.execute("begin immediate")
            for name in statements_since(found):
                # Each fact lies in one place of the file, not in a table and an index.
                table = self._sql[name].startswith("create table")
                connection.execute(self._sql[name] + (" without rowid" if table else ""))
            connection.execute(self._sql["write_version"], {"version": str(VERSION)})
            connection.execute("commit")

    def _version(self, connection: sqlite3.Connection) -> int:
        row = connection.execute(self._sql["read_version"]).fetchone()
        found = str(row[0]) if row else ""
        if not found.isdigit() or int(found) > VERSION:
            raise StorageError(
                f"{self.place} has the layout {found!r}; this callsheet reads '{VERSION}'",
                hint="use the callsheet that made it, or set CALLSHEET_HOME to another folder",
            )
        return int(found)

    def _committing(self) -> bool:
        return self._commit is not None and not self._commit.done()

    async def _quiet(self) -> None:
        """Waits while a transaction is under way: half of it is nobody's to see."""
        while self._commit is not None and not self._commit.done():
            (done,), _ = await asyncio.wait([asyncio.wrap_future(self._commit)])
            done.exception()  # told to those who wrote

    def _commit_due(self) -> None:
        """Carries out what is due in one transaction; where one cannot be written, the others are."""
        if self._committing() or not self._due:
            return
        due, self._due = self._due, []
        try:
            with self._told:
                self.connection.execute("begin immediate")
                outcomes = [self._attempt(work) for work, _ in due]
        except BaseException as error:
            self._roll_back()
            _tell_all(due, [(None, error)] * len(due))
            if not isinstance(error, Exception):
                raise
            return
        loop = asyncio.get_running_loop()
        self._commit = self._disk.submit(self._write_down)
        self._commit.add_done_callback(
            lambda commit: loop.call_soon_threadsafe(
                self._written_down, due, outcomes, commit.exception()
            )
        )

    def _write_down(self) -> None:
        with self._told:
            try:
                self.connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise

    def _written_down(
        self, due: Sequence[Due], outcomes: Sequence[Outcome], error: BaseException | None
    ) -> None:
        """Lets all of a transaction go on, and begins the next for those who came meanwhile."""
        _tell_all(due, [(None, error)] * len(due) if error else outcomes)
        self._commit_due()

    def _roll_back(self) -> None:
        # A full disk has ended the transaction already.
        if self.connection.in_transaction:
            self.connection.execute("rollback")

    def _attempt(
        self, work: Callable[[Transaction], Awaitable[T]]
    ) -> tuple[T | None, BaseException | None]:
        """What `work` answers, or why it wrote nothing."""
        self.connection.execute("savepoint attempt")
        try:
            with self._told:
                answer = _at_once(work(self))
        except Exception as error:
            if not self.connection.in_transaction:
                raise  # SQLite has ended the transaction, and with it what the others wrote
            self.connection.execute("rollback to attempt")
            return None, error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("release attempt")
        return answer, None

    async def _by_itself(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What `work` answers, committed in a transaction of its own."""
        with self._told:
            self.connection.execute("begin immediate")
            try:
                answer = await work(self)
                self.connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
        return answer

    @contextmanager
    def _journal_emptied(self) -> Iterator[None]:
        """What is deleted meanwhile is not left behind in the journal, which is a file that stays."""
        self.connection.execute("pragma journal_size_limit = 0")
        try:
            yield
        finally:
            self.connection.execute("pragma journal_size_limit = -1")
            self.connection.execute("pragma wal_checkpoint(truncate)")


def _is_writable(path: Path) -> bool:
    """Whether the file can be written to; it is created where it is missing."""
    try:
        # Briefs and prompts are a person's own: nobody else on the machine reads them.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EROFS) and path.is_file():
            # What is kept can still be looked at.
            return False
        raise
    return True


class _Told:
    """Says which file is in trouble, and what to do."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise _kind_of(error)(
                f"runs cannot be kept in {self._place}: {error}",
                hint="mend or free that place, or set CALLSHEET_HOME to another folder",
            ) from error


_BY_CODE = {
    sqlite3.SQLITE_FULL: StorageFullError,
    sqlite3.SQLITE_BUSY: StorageLockedError,
    sqlite3.SQLITE_LOCKED: StorageLockedError,
    sqlite3.SQLITE_READONLY: StorageReadOnlyError,
    sqlite3.SQLITE_CORRUPT: StorageCorruptError,
    sqlite3.SQLITE_NOTADB: StorageCorruptError,
}


def _kind_of(error: sqlite3.Error | OSError) -> type[StorageError]:
    """The error that names what is wrong with the place; an extended code ends in its plain one."""
    if isinstance(error, OSError):
        return refused(error)
    return _BY_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, StorageError)


def _tell_all(due: Sequence[Due], outcomes: Sequence[Outcome]) -> None:
    for (_, done), (written, failure) in zip(due, outcomes, strict=True):
        if not done.get_loop().is_closed():
            tell(done, written, failure)


def tell(done: asyncio.Future[T], answer: T | None, failure: BaseException | None) -> None:
    """Lets the one who waits go on, unless it was cancelled meanwhile."""
    if done.cancelled():
        return
    if failure is None:
        done.set_result(answer)  # type: ignore[arg-type]
    else:
        done.set_exception(failure)


def _at_once(work: Awaitable[T]) -> T:
    """What work answers that never waits: SQLite is asked in this very process."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        answer: T = end.value
        return answer
    raise AssertionError("work on a SQLite file waited for something else")
