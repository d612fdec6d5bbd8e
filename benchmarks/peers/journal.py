"""The yardstick: the least that keeps every module's work, one insert and one commit for each."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

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

TABLE = "create table kept (run text, seq int, at real, body text, primary key (run, seq))"


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    file = sqlite3.connect(given.file, isolation_level=None)
    journal = file.execute(f"pragma journal_mode = {given.journal}").fetchone()[0]
    file.execute(f"pragma synchronous = {given.synchronous}")
    file.execute(TABLE)

    async def run(name: str) -> str:
        values = {"idea": IDEA}
        for seq, each in enumerate(FILLED):
            values[each] = await module(each, values, ask)
            row = (name, seq, time.time(), json.dumps({each: values[each]}))
            file.execute("begin immediate")
            file.execute("insert into kept values (?, ?, ?, ?)", row)
            file.execute("commit")
        return values[LAST]

    yield Opened(run, journal, PRAGMA[file.execute("pragma synchronous").fetchone()[0]])
    file.close()


if __name__ == "__main__":
    compete(opened)
