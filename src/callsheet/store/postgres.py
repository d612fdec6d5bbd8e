"""One PostgreSQL database as the store's: the same statements, its own clock, and outages waited out.

What is due while a transaction is on its way shares the next one, and so one wait for the disk.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from callsheet.errors import StorageError
from callsheet.store.postgres_connection import (
    connect,
    connection_error,
    driver_error,
    is_fit,
    is_passing,
    place_of,
)
from callsheet.store.statements import VERSION, for_postgresql, statements_since

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

    from callsheet.store.database import Row, Transaction
    from callsheet.store.postgres_connection import Line

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""How long an outage is waited out once the database has been reached."""

LAYOUT_LOCK = 0x63616C6C
"""Whoever lays out or lifts the layout holds this advisory lock."""

MOST_TOGETHER = 50
"""How many may share a transaction, so that none holds the others' rows for long."""


@dataclass
class _Due:
    work: Callable[[Transaction], Awaitable[Any]]
    done: asyncio.Future[Any]
    again: bool = False


@dataclass
class _Transaction:
    """The statements of one transaction on an open line."""

    line: Line
    sql: Mapping[str, bytes]
    clock: Mapping[str, float]
    again: bool = False

    async def __call__(self, statement: str, /, **values: object) -> list[Row]:
        cursor = await self.line.execute(self.sql[statement], {**values, **self.clock})
        return await cursor.fetchall() if cursor.description else []

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        told = [{**row, **self.clock} for row in rows]
        await self.line.cursor().executemany(self.sql[statement], told)


@dataclass
class Postgres:
    """A database on a server, laid out when it is first reached.

    The first time nothing answers is told at once; later ones are waited out for `patience` seconds.
    `now` replaces the database's clock.
    """

    url: str = field(repr=False)
    now: Callable[[], float] | None = None
    patience: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self.place = place_of(self.url)
        self._sql = for_postgresql(own_clock=self.now is not None)
        self._reached = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: dict[str, Line] = {}
        self._committing: asyncio.Task[None] | None = None
        self._begin_anew()

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        async def look(line: Line) -> list[Row]:
            return await self._on(line)(statement, **values)

        self._here()
        return await self._patiently("reading", look)

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        del run, last
        self._here()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._due.append(_Due(work, done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_due())
        return await done

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        # What lies on its server's disk is the database's own affair.
        return await self.write(run, work)

    async def version(self) -> Hashable:
        return str((await self.read("select_snapshot"))[0][0])

    async def describe(self) -> str:
        server = (await self.read("select_server_version"))[0][0]
        return f"PostgreSQL {str(server).partition(' ')[0]}, layout {VERSION}"

    def close(self) -> None:
        for line in self._lines.values():
            # Closing says nothing to the server that must be waited for.
            line.pgconn.finish()
        self._lines.clear()

    def _here(self) -> None:
        """A line belongs to the event loop that opened it; in another one, all begins anew."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.close()
        self._locks = {"reading": asyncio.Lock(), "writing": asyncio.Lock()}
        self._due: list[_Due] = []
        self._committing = None

    def _on(self, line: Line, *, again: bool = False) -> _Transaction:
        at = {"at": self.now(), "awake": float("-inf")} if self.now else {}
        return _Transaction(line, self._sql, at, again)

    async def _commit_due(self) -> None:
        """Commits what is due, until nothing is; where some cannot be written, the others are."""
        while self._due:
            due, self._due = self._due[:MOST_TOGETHER], self._due[MOST_TOGETHER:]
            try:
                await self._commit(due)
            except BaseException as error:
                for each in due:
                    _fail(each.done, error)
                if not isinstance(error, Exception):
                    raise

    async def _commit(self, due: Sequence[_Due]) -> None:
        try:
            answers = await self._patiently("writing", lambda line: self._together(line, due))
        except Exception:
            if len(due) == 1:
                raise
            for each in due:
                await self._commit_alone(each)
            return
        for each, answer in zip(due, answers, strict=True):
            if not each.done.done():
                each.done.set_result(answer)

    async def _together(self, line: Line, due: Sequence[_Due]) -> list[Any]:
        try:
            async with line.transaction():
                return [await each.work(self._on(line, again=each.again)) for each in due]
        except BaseException:
            for each in due:
                # Whether a commit that was cut off took place, nobody knows.
                each.again = True
            raise

    async def _commit_alone(self, due: _Due) -> None:
        try:
            await self._commit([due])
        except Exception as error:  # noqa: BLE001  # it is told to who waits
            _fail(due.done, error)

    async def _patiently(self, name: str, use: Callable[[Line], Awaitable[T]]) -> T:
        """What `use` answers; where the database is away for a while, it is begun again."""
        until, wait = time.monotonic() + self.patience, 0.1
        async with self._locks[name]:
            while True:
                try:
                    return await use(await self._line(name))
                except driver_error() as error:
                    passing = is_passing(error, reached=self._reached)
                    if not passing or time.monotonic() > until:
                        # Its cause may hold the whole address, with the password.
                        raise connection_error(error, self.url) from None
                await asyncio.sleep(wait)
                wait = min(2 * wait, 2.0)

    async def _line(self, name: str) -> Line:
        line = self._lines.get(name)
        if line is not None and is_fit(line):
            return line
        if line is not None:
            line.pgconn.finish()
        self._lines[name] = line = await connect(self.url)
        if not self._reached:
            await self._lay_out(line)
            self._reached = True
        return line

    async def _lay_out(self, line: Line) -> None:
        """Lays out a new database and lifts an older layout; two at once take turns."""
        if await self._version(line) == VERSION:
            return
        async with line.transaction():
            await line.execute(b"select pg_advisory_xact_lock(%s)", [LAYOUT_LOCK])
            await line.execute(b"create schema if not exists callsheet")
            found = await self._version(line)
            if found == VERSION:
                return
            for name in statements_since(found):
                await line.execute(self._sql[name])
            await line.execute(self._sql["write_version"], {"version": str(VERSION)})

    async def _version(self, line: Line) -> int:
        """The layout that is there, 0 where there is none; raises StorageError for a newer one."""
        there = await line.execute(b"select to_regclass('callsheet.callsheet_meta')")
        if (await there.fetchone() or [None])[0] is None:
            return 0
        row = await (await line.execute(self._sql["read_version"])).fetchone()
        found = str(row[0]) if row else ""
        if not found.isdigit() or int(found) > VERSION:
            raise StorageError(
                f"{self.place} has the layout {found!r}; this callsheet reads '{VERSION}'",
                hint="use the callsheet that made it, or another CALLSHEET_DATABASE_URL",
            )
        return int(found)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        done.cancel()
    elif not done.done():
        done.set_exception(error)
