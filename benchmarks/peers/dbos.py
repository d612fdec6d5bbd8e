"""DBOS on SQLite: a workflow of six steps, with the settings that serve it best there."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from benchmarks.peers.contest import (
    FILLED,
    IDEA,
    LAST,
    PRAGMA,
    Ask,
    Given,
    Opened,
    compete,
    module,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

THREADS = 8
"""Its pool has no bound of its own, and is slower for it."""


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    modes: set[tuple[str, int]] = set()

    class Connection(sqlite3.Connection):
        """A connection that writes as all contenders do."""

        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)
            journal = self.execute(f"pragma journal_mode = {given.journal}").fetchone()[0]
            self.execute(f"pragma synchronous = {given.synchronous}")
            modes.add((journal, self.execute("pragma synchronous").fetchone()[0]))

    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": f"sqlite:///{given.file}",
            "db_engine_kwargs": {"connect_args": {"factory": Connection}},
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": THREADS,
            "log_level": "ERROR",
            "application_version": "1",
        }
    )

    @DBOS.step()
    async def step(name: str, values: dict[str, str]) -> str:
        return await module(name, values, ask)

    @DBOS.workflow()
    async def six() -> str:
        values = {"idea": IDEA}
        for name in FILLED:
            values[name] = await step(name, values)
        return values[LAST]

    async def run(name: str) -> str:
        with SetWorkflowID(name):
            return await six()

    DBOS.launch()
    ((journal, synchronous),) = modes
    yield Opened(run, journal, PRAGMA[synchronous])
    DBOS.destroy()


if __name__ == "__main__":
    compete(opened)
