"""Loads the store's SQL: one file of named statements, and all in which PostgreSQL differs."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

VERSION = 3
"""The layout that the `create_` statements make. Raise it with each one that is added."""

POSTGRESQL = (
    # Machines need not agree on the time: it is the database's own.
    (":at", "extract(epoch from clock_timestamp())::float8"),
    # A server that has just come back cannot tell the silent from those it did not hear.
    (":awake", "extract(epoch from pg_postmaster_start_time())::float8"),
    # Its text holds no NUL character, and a file may.
    ("content text", "content bytea"),
    # One writer has the whole SQLite file; here, who forgets files waits for those who keep some.
    ("select 'locked'", "lock table files in share row exclusive mode"),
)
"""What stands in the statements, and what PostgreSQL is told instead."""


@lru_cache(maxsize=1)
def load_statements() -> dict[str, str]:
    """Each statement of `queries.sql` by its name, as SQLite takes it."""
    text = files("callsheet.store").joinpath("queries.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def for_postgresql(*, own_clock: bool) -> dict[str, bytes]:
    """The same statements for PostgreSQL; with `own_clock` the time is handed in all the same."""
    kept = (":at", ":awake") if own_clock else ()
    changes = [(there, here) for there, here in POSTGRESQL if there not in kept]
    return {name: _written_for(sql, changes) for name, sql in load_statements().items()}


def _written_for(sql: str, changes: list[tuple[str, str]]) -> bytes:
    for there, here in changes:
        sql = re.sub(rf"(?<!\w){re.escape(there)}(?!\w)", here.replace("\\", r"\\"), sql)
    sql = sql.replace("%", "%%")
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql).encode()


def statements_since(found: int) -> list[str]:
    """The names of the statements that lift a layout of version `found` to today's, in order."""
    named = load_statements()
    changed = [name for name in named if _version_of(name) > found]
    return [name for name in named if name.startswith("create_")] + changed


def _version_of(name: str) -> int:
    """Which layout a statement named `to_2_…` leads to; 0 for every other."""
    told = re.match(r"to_(\d+)_", name)
    return int(told[1]) if told else 0
