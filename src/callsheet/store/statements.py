"""Loads the SQL of the store: one file of named statements, translated for PostgreSQL."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

VERSION = 5
"""Version of the layout that the `create_` statements make; to be raised with each new one."""

TEXTS_SINCE = 5
"""The first layout that stores what a search looks in; an older one has to be read for that."""

POSTGRESQL = (
    # Clocks of machines may differ, so the time is that of the server.
    (":at", "extract(epoch from clock_timestamp())::float8"),
    (":steady", "extract(epoch from clock_timestamp())::float8"),
    # A server that has just restarted missed the heartbeats meanwhile.
    (":awake", "extract(epoch from pg_postmaster_start_time())::float8"),
    # Text in PostgreSQL cannot contain NUL, but a file may.
    ("content text", "content bytea"),
    ("instr", "strpos"),
    # SQLite has one writer at a time; here, deleting files waits for transactions that add some.
    ("select 'locked'", "lock table files in share row exclusive mode"),
)
"""Text of the statements, and its replacement for PostgreSQL."""


@lru_cache(maxsize=1)
def load_statements() -> dict[str, str]:
    """The statements of `queries.sql` by name, for SQLite."""
    text = files("callsheet.store").joinpath("queries.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def for_postgresql(*, own_clock: bool) -> dict[str, bytes]:
    """The same statements for PostgreSQL; with `own_clock` the time stays a parameter."""
    kept = (":at", ":steady", ":awake") if own_clock else ()
    changes = [(there, here) for there, here in POSTGRESQL if there not in kept]
    return {name: _written_for(sql, changes) for name, sql in load_statements().items()}


def _written_for(sql: str, changes: list[tuple[str, str]]) -> bytes:
    for there, here in changes:
        sql = re.sub(rf"(?<!\w){re.escape(there)}(?!\w)", here.replace("\\", r"\\"), sql)
    sql = sql.replace("%", "%%")
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql).encode()


def statements_since(found: int) -> list[str]:
    """Names of the statements that upgrade a layout of version `found`, in order."""
    named = load_statements()
    changed = [name for name in named if _version_of(name) > found]
    return [name for name in named if name.startswith("create_")] + changed


def _version_of(name: str) -> int:
    """The version that a statement named `to_2_…` upgrades to; 0 for every other."""
    match = re.match(r"to_(\d+)_", name)
    return int(match[1]) if match else 0
