"""Stores runs in a PostgreSQL database, with the clock of the server; waits while it is unavailable.

Work that arrives while a transaction is committed shares the next one, and so one wait for the disk.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from callsheet.errors import StorageNewerError
from callsheet.store.postgres_connection import (
    connect,
    connection_error,
    driver_error,
    is_transient,
    is_usable,
    place_of,
)
from callsheet.store.statements import TEXTS_SINCE, VERSION, for_postgresql, statements_since
from callsheet.store.texts import add_earlier_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

    from callsheet.store.database import Row, Transaction
    from callsheet.store.postgres_connection import Connection

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""How long to retry when the database becomes unavailable."""

LAYOUT_LOCK = 0x63616C6C
"""Key of the advisory lock for creating or upgrading the layout."""

MAX_SHARED = 50
"""How many writers may share a transaction, so that rows are not locked for long."""


@dataclass
class _PendingWrite:
    work: Callable[[Transaction], Awaitable[Any]]
    done: asyncio.Future[Any]
    again: bool = False


@dataclass
class _Transaction:
    """Executes statements in one transaction of a connection."""

    connection: Connection
    sql: Mapping[str, bytes]
    clock: Mapping[str, float]
    again: bool = False

    async def __call__(self, statement: str, /, **values: object) -> list[Row]:
        cursor = await self.connection.execute(self.sql[statement], {**values, **self.clock})
        return await cursor.fetchall() if cursor.description else []

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        values = [{**row, **self.clock} for row in rows]
        await self.connection.cursor().executemany(self.sql[statement], values)


@dataclass
class Postgres:
    """A database on a server; the layout is created when it is first reached.

    A failed first connection is an error at once; later outages are retried for `patience` seconds.
    `now` replaces the clock of the server.
    """

    url: str = field(repr=False)
    now: Callable[[], float] | None = None
    patience: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self.place = place_of(self.url)
        self._sql = for_postgresql(own_clock=self.now is not None)
        self._reached = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: dict[str, Connection] = {}
        self._committing: asyncio.Task[None] | None = None
        self._reset()

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            return await self._on(connection)(statement, **values)

        self._bind_to_loop()
        return await self._retried("reading", fetch)

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        del run, last
        self._bind_to_loop()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_PendingWrite(work, done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_pending())
        return await done

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        # What remains on the server's disk is up to the database.
        return await self.write(run, work)

    async def version(self) -> Hashable:
        return str((await self.read("select_snapshot"))[0][0])

    async def check(self) -> None:
        await self.read("select_server_version")

    async def describe(self) -> str:
        server = (await self.read("select_server_version"))[0][0]
        return f"PostgreSQL {str(server).partition(' ')[0]}, layout {VERSION}"

    def close(self) -> None:
        for connection in self._connections.values():
            # Closes without waiting for the server.
            connection.pgconn.finish()
        self._connections.clear()

    def _bind_to_loop(self) -> None:
        """Starts over in another event loop, as a connection belongs to the loop that opened it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._reset()

    def _reset(self) -> None:
        self.close()
        self._locks = {"reading": asyncio.Lock(), "writing": asyncio.Lock()}
        self._pending: list[_PendingWrite] = []
        self._committing = None

    def _on(self, connection: Connection, *, again: bool = False) -> _Transaction:
        if self.now is None:
            return _Transaction(connection, self._sql, {}, again)
        at = self.now()
        clock = {"at": at, "steady": at, "awake": float("-inf")}
        return _Transaction(connection, self._sql, clock, again)

    async def _commit_pending(self) -> None:
        """Commits pending work until there is none; work that fails does not affect the others."""
        while self._pending:
            writes, self._pending = self._pending[:MAX_SHARED], self._pending[MAX_SHARED:]
            try:
                await self._commit(writes)
            except BaseException as error:
                for each in writes:
                    _fail(each.done, error)
                if not isinstance(error, Exception):
                    raise

    async def _commit(self, writes: Sequence[_PendingWrite]) -> None:
        try:
            results = await self._retried(
                "writing", lambda connection: self._write_together(connection, writes)
            )
        except Exception:
            if len(writes) == 1:
                raise
            for each in writes:
                await self._commit_alone(each)
            return
        for each, result in zip(writes, results, strict=True):
            if not each.done.done():
                each.done.set_result(result)

    async def _write_together(
        self, connection: Connection, writes: Sequence[_PendingWrite]
    ) -> list[Any]:
        try:
            async with connection.transaction():
                return [await each.work(self._on(connection, again=each.again)) for each in writes]
        except BaseException:
            for each in writes:
                # It is unknown whether a commit that was cut off took place.
                each.again = True
            raise

    async def _commit_alone(self, work: _PendingWrite) -> None:
        try:
            await self._commit([work])
        except Exception as error:  # noqa: BLE001  # it is raised for the caller
            _fail(work.done, error)

    async def _retried(self, name: str, use: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `use`; repeats it while the database is unavailable."""
        deadline, wait = time.monotonic() + self.patience, 0.1
        async with self._locks[name]:
            while True:
                try:
                    return await use(await self._connection(name))
                except driver_error() as error:
                    transient = is_transient(error, reached=self._reached)
                    if not transient or time.monotonic() > deadline:
                        # The cause may contain the URL with the password.
                        raise connection_error(error, self.url) from None
                await asyncio.sleep(wait)
                wait = min(2 * wait, 2.0)

    async def _connection(self, name: str) -> Connection:
        connection = self._connections.get(name)
        if connection is not None and is_usable(connection):
            return connection
        if connection is not None:
            connection.pgconn.finish()
        self._connections[name] = connection = await connect(self.url)
        if not self._reached:
            await self._prepare(connection)
            self._reached = True
        return connection

    async def _prepare(self, connection: Connection) -> None:
        """Creates or upgrades the layout; concurrent processes take turns."""
        if await self._version(connection) == VERSION:
            return
        async with connection.transaction():
            await connection.execute(b"select pg_advisory_xact_lock(%s)", [LAYOUT_LOCK])
            await connection.execute(b"create schema if not exists callsheet")
            found = await self._version(connection)
            if found == VERSION:
                return
            for name in statements_since(found):
                await connection.execute(self._sql[name])
            if found < TEXTS_SINCE:
                await add_earlier_texts(self._on(connection))
            await connection.execute(self._sql["write_version"], {"version": str(VERSION)})

    async def _version(self, connection: Connection) -> int:
        """Version of the layout, 0 where there is none; raises StorageNewerError for a newer one."""
        tables = await connection.execute(b"select to_regclass('callsheet.callsheet_meta')")
        if (await tables.fetchone() or [None])[0] is None:
            return 0
        row = await (await connection.execute(self._sql["read_version"])).fetchone()
        found = str(row[0]) if row else ""
        if not found.isdigit() or int(found) > VERSION:
            raise StorageNewerError(
                f"{self.place} has the layout {found!r}; this callsheet reads '{VERSION}'",
                hint="use the version of callsheet that wrote it, or another CALLSHEET_DATABASE_URL",
            )
        return int(found)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        done.cancel()
    elif not done.done():
        done.set_exception(error)
