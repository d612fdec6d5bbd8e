"""Connects to PostgreSQL and words its errors: the only file that imports the driver."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from callsheet.errors import StorageError, StorageFullError, StorageReadOnlyError

if TYPE_CHECKING:
    from typing import TypeAlias

    from psycopg import AsyncConnection

    Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

CONNECT_SECONDS = 10

FROZEN_SECONDS = 30.0
"""How long a process may leave a transaction open without a statement.

One that is frozen in the middle of it would keep its locks until it wakes, and nobody could recover its runs.
"""

OLDEST_SERVER = 130000
"""PostgreSQL 13; what is older has no support any more."""

PASSING = ("08", "25P03", "40001", "40P01", "53300", "57P01", "57P02", "57P03")
"""SQLSTATEs that a retry may solve: lost or refused connection, restart, serialization, deadlock, frozen."""

_HINT = "check CALLSHEET_DATABASE_URL, and whether the server is running"


def place_of(url: str) -> str:
    """The database without user and password, for messages."""
    parts = urlsplit(url)
    return (
        f"PostgreSQL at {parts.hostname or 'the local socket'}"
        + (f":{parts.port}" if parts.port else "")
        + unquote(parts.path)
    )


async def connect(url: str) -> Connection:
    """A connection in autocommit mode; raises StorageError without the driver or for an old server."""
    if find_spec("psycopg") is None:
        raise StorageError(
            "runs cannot be stored in PostgreSQL without its driver",
            hint="pip install 'callsheet[postgres]', or unset CALLSHEET_DATABASE_URL",
        )
    from psycopg import AsyncConnection

    connection = await AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="callsheet",
        # A connection that the network drops silently is noticed within a minute.
        keepalives_idle=20,
        keepalives_interval=10,
        keepalives_count=3,
    )
    if connection.info.server_version < OLDEST_SERVER:
        await connection.close()
        raise StorageError(
            f"{place_of(url)} is version {connection.info.server_version // 10000}",
            hint="callsheet needs PostgreSQL 13 or later",
        )
    idle = f"set idle_in_transaction_session_timeout to {round(FROZEN_SECONDS * 1000)}"
    await connection.execute(f"set search_path to callsheet; {idle}".encode())
    return connection


def driver_error() -> type[Exception]:
    """The base class of the driver's exceptions."""
    from psycopg import Error

    return Error


def is_usable(connection: Connection) -> bool:
    """Whether a connection is open, and not inside a transaction that was cut off."""
    from psycopg.pq import TransactionStatus

    return not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE


def is_transient(error: Exception, *, reached: bool) -> bool:
    """Whether to retry: transient errors, and any lost connection once one was open."""
    from psycopg import InterfaceError, OperationalError

    state = getattr(error, "sqlstate", None)
    if state is not None:
        clash = state in ("40001", "40P01")
        return clash or (reached and state.startswith(PASSING))
    return reached and isinstance(error, (OperationalError, InterfaceError))


def connection_error(error: Exception, url: str) -> StorageError:
    """The error in words, without the password."""
    place, text = place_of(url), str(error).partition("\n")[0]
    user = unquote(urlsplit(url).username or "")
    for sign, message, hint in (
        ("password", f"{place} refuses the password of {user!r}", "correct the password"),
        ('database "', f"{place} does not exist", "create it with `createdb`, or name another"),
        ('role "', f"{place} has no user {user!r}", "check the user"),
    ):
        if sign in text and "FATAL" in text:
            return StorageError(message, hint=f"{hint}: CALLSHEET_DATABASE_URL")
    match getattr(error, "sqlstate", None):
        case "25006":
            return StorageReadOnlyError(
                f"{place} is read-only", hint="connect to the primary server, not to a replica"
            )
        case "53100":
            return StorageFullError(
                f"the disk of {place} is full", hint="free disk space on the database server"
            )
        case "42501":
            return StorageError(
                f"{user!r} has no permission to store runs in {place}: {text}",
                hint="the user must own the database, or the schema `callsheet` in it",
            )
        case None:
            return StorageError(f"{place} cannot be reached: {text}", hint=_HINT)
        case _:
            return StorageError(f"runs cannot be stored in {place}: {text}", hint=_HINT)
