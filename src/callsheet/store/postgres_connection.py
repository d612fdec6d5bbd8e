"""Opens lines to PostgreSQL, and says what is wrong with one: the only file that knows the driver."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from callsheet.errors import StorageError, StorageFullError, StorageReadOnlyError

if TYPE_CHECKING:
    from typing import TypeAlias

    from psycopg import AsyncConnection

    Line: TypeAlias = AsyncConnection[tuple[Any, ...]]

CONNECT_SECONDS = 10

OLDEST_SERVER = 130000
"""PostgreSQL 13; what is older has no support any more."""

PASSING = ("08", "40001", "40P01", "53300", "57P01", "57P02", "57P03")
"""SQLSTATEs that pass by themselves: a lost or refused line, a restart, two who waited in a circle."""

_HINT = "look at CALLSHEET_DATABASE_URL, and whether the server is up"


def place_of(url: str) -> str:
    """The database without user and password, for messages."""
    parts = urlsplit(url)
    return (
        f"PostgreSQL at {parts.hostname or 'the local socket'}"
        + (f":{parts.port}" if parts.port else "")
        + unquote(parts.path)
    )


async def connect(url: str) -> Line:
    """A line to the database, with every statement its own transaction unless one is begun."""
    if find_spec("psycopg") is None:
        raise StorageError(
            "runs cannot be kept in PostgreSQL without its driver",
            hint="pip install 'callsheet[postgres]', or unset CALLSHEET_DATABASE_URL",
        )
    from psycopg import AsyncConnection

    line = await AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="callsheet",
        # A network that silently drops a line is noticed within a minute.
        keepalives_idle=20,
        keepalives_interval=10,
        keepalives_count=3,
    )
    if line.info.server_version < OLDEST_SERVER:
        await line.close()
        raise StorageError(
            f"{place_of(url)} is version {line.info.server_version // 10000}",
            hint="callsheet needs PostgreSQL 13 or later",
        )
    await line.execute(b"set search_path to callsheet")
    return line


def driver_error() -> type[Exception]:
    """What the driver raises."""
    from psycopg import Error

    return Error


def is_fit(line: Line) -> bool:
    """Whether a line can be used: open, and not in the middle of something that was cut off."""
    from psycopg.pq import TransactionStatus

    return not line.closed and line.info.transaction_status == TransactionStatus.IDLE


def is_passing(error: Exception, *, reached: bool) -> bool:
    """Whether to try again: what passes by itself, and any lost line once one has been open."""
    from psycopg import InterfaceError, OperationalError

    state = getattr(error, "sqlstate", None)
    if state is not None:
        clash = state in ("40001", "40P01")
        return clash or (reached and state.startswith(PASSING))
    return reached and isinstance(error, (OperationalError, InterfaceError))


def connection_error(error: Exception, url: str) -> StorageError:
    """What is wrong, in words, without the password."""
    place, text = place_of(url), str(error).partition("\n")[0]
    user = unquote(urlsplit(url).username or "")
    for sign, message, hint in (
        ("password", f"{place} refuses the password of {user!r}", "write the right one in the URL"),
        ('database "', f"{place} does not exist", "make it with `createdb`, or name another"),
        ('role "', f"{place} knows no user {user!r}", "look at the user in the URL"),
    ):
        if sign in text and "FATAL" in text:
            return StorageError(message, hint=f"{hint}: CALLSHEET_DATABASE_URL")
    match getattr(error, "sqlstate", None):
        case "25006":
            return StorageReadOnlyError(
                f"{place} can only be read", hint="connect to the primary server, not to a copy"
            )
        case "53100":
            return StorageFullError(f"there is no room left in {place}", hint=_HINT)
        case "42501":
            return StorageError(
                f"{place} does not let {user!r} keep runs: {text}",
                hint="the user must own the database, or the schema `callsheet` in it",
            )
        case None:
            return StorageError(f"{place} cannot be reached: {text}", hint=_HINT)
        case _:
            return StorageError(f"runs cannot be kept in {place}: {text}", hint=_HINT)
