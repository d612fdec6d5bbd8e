"""Stores runs in a SQLite database: a file, or memory.

Concurrent writers share one transaction, and so one wait for the disk; each continues when it is
committed. A thread waits for the disk, and what is written meanwhile forms the next transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from callsheet.errors import (
    StorageCorruptError,
    StorageLockedError,
    StorageNewerError,
)
from callsheet.store.file_state import FileState, is_writable
from callsheet.store.sqlite_errors import (
    BUSY_SECONDS,
    StorageErrors,
    damaged,
    is_locked,
    refuse_older,
)
from callsheet.store.statements import TEXTS_SINCE, VERSION, load_statements, statements_since
from callsheet.store.steady_clock import SteadyClock
from callsheet.store.texts import add_earlier_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    from callsheet.store.database import Row, Transaction

T = TypeVar("T")

if TYPE_CHECKING:
    Pending = tuple[Callable[[Transaction], Awaitable[Any]], asyncio.Future[Any]]
    Outcome = tuple[Any, BaseException | None]

LOCK_POLL_SECONDS = 0.02
"""How often to look whether the file is still locked."""

WAL_SAFE = (3, 51, 3)
"""The first SQLite version whose write-ahead log is safe with a reader; see docs/decisions."""


class Sqlite:
    """A SQLite file, created when it is first used; without a path, a database in memory."""

    again = False
    """The file is local, so the result of a commit is never lost."""

    patience = BUSY_SECONDS
    """How long to wait while another process keeps the file locked; meanwhile this one goes on."""

    def __init__(self, path: Path | None, *, now: Callable[[], float] | None = None) -> None:
        self.path = path
        self._now = now or time.time
        self._steady = now or SteadyClock()
        self._sql = load_statements()
        self._writing: set[str] = set()
        self._pending: list[Pending] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._commit: Future[None] | None = None
        self._state: FileState | None = None
        self._lock_deadline = float("inf")
        self.place = str(path or "memory")
        self._errors = StorageErrors(path)
        with self._errors:
            self.connection = self._open(path) if path else self._in_memory()
            self.connection.execute("pragma busy_timeout = 0")
        # A command need not close its store; its file is marked as clean all the same.
        self._end = weakref.finalize(self, _end, self.connection, self._state, self._errors)

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        return await self._when_unlocked(lambda: self(statement, **values))

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        self._errors.check_undamaged()
        # A run commits at once where no other is under way; else it waits a moment, so that others can join the
        # transaction, and a thread waits for the disk.
        alone = not (self._writing - {run} or self._pending or self._committing())
        (self._writing.discard if last else self._writing.add)(run)
        if alone or self.path is None:
            return await self._write_alone(work)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._pending.append((work, done))
        loop.call_soon(self._commit_pending)
        return await done

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        del run
        self._errors.check_undamaged()
        await self._wait_for_commit()
        with self._truncated_journal():
            return await self._write_alone(work)

    async def version(self) -> Hashable:
        async def read() -> Hashable:
            # Writes of other connections, and of this one.
            others = self.connection.execute("pragma data_version").fetchone()[0]
            return others, self.connection.total_changes

        return await self._when_unlocked(read)

    async def check(self) -> None:
        await self._wait_for_commit()
        with self._errors:
            self._check(self.connection)

    async def describe(self) -> str:
        with self._errors:
            mode = self.connection.execute("pragma journal_mode").fetchone()[0]
        return f"SQLite {sqlite3.sqlite_version}, journal {mode}, layout {VERSION}"

    async def __call__(self, statement: str, /, **values: object) -> list[Row]:
        values |= {"at": self._now(), "steady": self._steady(), "awake": float("-inf")}
        return self.connection.execute(self._sql[statement], values).fetchall()

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        self.connection.executemany(self._sql[statement], rows)

    def close(self) -> None:
        self._thread.shutdown()
        self._end()

    def _in_memory(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._prepare(connection)
        return connection

    def _open(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = "rw" if is_writable(path) else "ro"
        self._state = FileState(path) if mode == "rw" else None
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if self._state is None:
                refuse_older(path, self._version(connection))
                return connection
            if not self._state.is_clean:
                self._check(connection)
                self._state.confirm()
            self._prepare(connection)
            self._agree_on_clock(connection)
        except BaseException:
            connection.close()
            if self._state is not None:
                self._state.abandon()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Reads the whole file; raises StorageCorruptError where it is damaged."""
        found = [str(row[0]) for row in connection.execute("pragma integrity_check(1)")]
        if found != ["ok"]:
            self._errors.damage = damaged(self.path, found[0].splitlines()[-1])
            self._errors.check_undamaged()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Creates or upgrades the layout; leaves a file of a newer version unchanged."""
        found = self._version(connection)
        wal = sqlite3.sqlite_version_info >= WAL_SAFE
        connection.execute(f"pragma journal_mode = {'wal' if wal else 'persist'}")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        if found < VERSION:
            connection.execute("begin immediate")
            # Another process may have done it meanwhile.
            found = self._version(connection)
            for name in statements_since(found):
                # Each event is stored once, not in a table and an index.
                table = self._sql[name].startswith("create table")
                connection.execute(self._sql[name] + (" without rowid" if table else ""))
            if found < TEXTS_SINCE:
                self.connection = connection
                _run_sync(add_earlier_texts(self))
            connection.execute(self._sql["write_version"], {"version": str(VERSION)})
            connection.execute("commit")

    def _agree_on_clock(self, connection: sqlite3.Connection) -> None:
        """Takes the clock that processes of this machine agreed on since it was started."""
        if not isinstance(self._steady, SteadyClock):
            return
        row = connection.execute(self._sql["read_clock"]).fetchone()
        if self._steady.adopt(row[0] if row else "") or not str(self._steady):
            return
        try:
            connection.execute("begin immediate")
            row = connection.execute(self._sql["read_clock"]).fetchone()
            if not self._steady.adopt(row[0] if row else ""):
                connection.execute(self._sql["write_clock"], {"clock": str(self._steady)})
            connection.execute("commit")
        except sqlite3.Error:
            # A full disk must not keep runs from being shown: this process goes by its own clock.
            if connection.in_transaction:
                connection.execute("rollback")

    def _version(self, connection: sqlite3.Connection) -> int:
        """The version of the layout, 0 in a new file; raises StorageError where it is none of ours."""
        if not connection.execute("select count(*) from sqlite_master").fetchone()[0]:
            return 0
        try:
            row = connection.execute(self._sql["read_version"]).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            row = None
        found = str(row[0]) if row else ""
        if not found.isdigit():
            raise StorageCorruptError(
                f"{self.place} is no store of callsheet: it does not say which layout it has",
                hint="move it away, or set CALLSHEET_HOME to another folder",
            )
        if int(found) > VERSION:
            raise StorageNewerError(
                f"{self.place} has the layout {found!r}; this callsheet reads '{VERSION}'",
                hint="use the version of callsheet that wrote it, or set CALLSHEET_HOME to another folder",
            )
        return int(found)

    def _committing(self) -> bool:
        return self._commit is not None and not self._commit.done()

    async def _wait_for_commit(self) -> None:
        """Waits while a transaction is being committed, so that none is read half."""
        while self._commit is not None and not self._commit.done():
            (done,), _ = await asyncio.wait([asyncio.wrap_future(self._commit)])
            done.exception()  # raised for its writers

    def _commit_pending(self) -> None:
        """Executes pending work in one transaction; work that fails does not affect the others."""
        if self._committing() or not self._pending:
            return
        pending, self._pending = self._pending, []
        try:
            with self._errors:
                self.connection.execute("begin immediate")
                outcomes = [self._attempt(work) for work, _ in pending]
        except BaseException as error:
            self._roll_back()
            if isinstance(error, StorageLockedError) and self._may_wait():
                self._pending = [*pending, *self._pending]
                asyncio.get_running_loop().call_later(LOCK_POLL_SECONDS, self._commit_pending)
                return
            self._lock_deadline = float("inf")
            _resolve_all(pending, [(None, error)] * len(pending))
            if not isinstance(error, Exception):
                raise
            return
        self._lock_deadline = float("inf")
        loop = asyncio.get_running_loop()
        self._commit = self._thread.submit(self._commit_to_disk)
        self._commit.add_done_callback(
            lambda commit: loop.call_soon_threadsafe(
                self._committed, pending, outcomes, commit.exception()
            )
        )

    def _may_wait(self) -> bool:
        """Whether writers may still wait for the lock that another process has."""
        self._lock_deadline = min(self._lock_deadline, time.monotonic() + self.patience)
        return time.monotonic() < self._lock_deadline

    def _commit_to_disk(self) -> None:
        with self._errors:
            try:
                self.connection.execute(f"pragma busy_timeout = {self.patience * 1000:.0f}")
                self.connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self.connection.execute("pragma busy_timeout = 0")

    def _committed(
        self, pending: Sequence[Pending], outcomes: Sequence[Outcome], error: BaseException | None
    ) -> None:
        """Resolves all writers of a transaction, and starts the next one."""
        _resolve_all(pending, [(None, error)] * len(pending) if error else outcomes)
        self._commit_pending()

    def _roll_back(self) -> None:
        # On a full disk SQLite has ended the transaction already. Where that fails too, the error
        # that made it necessary is the one to tell.
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("rollback")

    def _attempt(
        self, work: Callable[[Transaction], Awaitable[T]]
    ) -> tuple[T | None, BaseException | None]:
        """The result of `work`, or why it was rolled back."""
        self.connection.execute("savepoint attempt")
        try:
            with self._errors:
                result = _run_sync(work(self))
        except Exception as error:
            if not self.connection.in_transaction:
                raise  # SQLite has rolled back the whole transaction
            self.connection.execute("rollback to attempt")
            return None, error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("release attempt")
        return result, None

    async def _write_alone(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """The result of `work`, committed in a transaction of its own."""

        async def attempt() -> T:
            self.connection.execute("begin immediate")
            try:
                result = await work(self)
                self.connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
            return result

        return await self._when_unlocked(attempt)

    async def _when_unlocked(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of `attempt`, which is repeated while another process locks the file."""
        deadline, pause = time.monotonic() + self.patience, 0.001
        with self._errors:
            while True:
                await self._wait_for_commit()
                try:
                    return await attempt()
                except sqlite3.OperationalError as error:
                    if not is_locked(error) or time.monotonic() > deadline:
                        raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LOCK_POLL_SECONDS)

    @contextmanager
    def _truncated_journal(self) -> Iterator[None]:
        """Leaves nothing of what is deleted meanwhile in the journal file."""
        self.connection.execute("pragma journal_size_limit = 0")
        try:
            yield
        finally:
            self.connection.execute("pragma journal_size_limit = -1")
            self.connection.execute("pragma wal_checkpoint(truncate)")


def recover(path: Path) -> None:
    """Lets SQLite undo or finish the last transaction of a file, as far as it can."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        connection.execute("select count(*) from sqlite_master").fetchone()
        connection.execute("pragma wal_checkpoint(truncate)")


def _end(connection: sqlite3.Connection, state: FileState | None, errors: StorageErrors) -> None:
    connection.close()
    if state is not None:
        state.end(damaged=errors.damage is not None)


def _resolve_all(pending: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
    for (_, done), (written, failure) in zip(pending, outcomes, strict=True):
        if not done.get_loop().is_closed():
            resolve(done, written, failure)


def resolve(done: asyncio.Future[T], answer: T | None, failure: BaseException | None) -> None:
    """Sets the result or exception of a future, unless it was cancelled."""
    if done.cancelled():
        return
    if failure is None:
        done.set_result(answer)  # type: ignore[arg-type]
    else:
        done.set_exception(failure)


def _run_sync(work: Awaitable[T]) -> T:
    """The result of work that never waits, as SQLite runs in this process."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("work on a SQLite database must not wait")
