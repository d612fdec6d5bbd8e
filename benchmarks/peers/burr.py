"""Burr: six actions in a row, its asynchronous SQLite persister, one application for each run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from burr.core import ApplicationBuilder, action
from burr.integrations.persisters.b_aiosqlite import AsyncSQLitePersister

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


def _action(name: str, ask: Ask):
    @action(reads=["idea", *FILLED], writes=[name])
    async def write(state):
        return state.update(**{name: await module(name, state, ask)})

    return write


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    async with AsyncSQLitePersister.from_values(db_path=str(given.file)) as persister:
        file = persister.connection
        await file.execute(f"pragma journal_mode = {given.journal}")
        await file.execute(f"pragma synchronous = {given.synchronous}")
        await persister.initialize()
        names = list(FILLED)
        actions = {name: _action(name, ask) for name in names}
        pairs = list(pairwise(names))

        async def run(name: str) -> str:
            application = await (
                ApplicationBuilder()
                .with_actions(**actions)
                .with_transitions(*pairs)
                .with_identifiers(app_id=name)
                .with_state(idea=IDEA, **dict.fromkeys(names, ""))
                .with_entrypoint(names[0])
                .with_state_persister(persister)
                .abuild()
            )
            _, _, state = await application.arun(halt_after=[LAST])
            return str(state[LAST])

        mode = [
            (await (await file.execute(f"pragma {name}")).fetchone())[0]
            for name in ("journal_mode", "synchronous")
        ]
        yield Opened(run, mode[0], PRAGMA[mode[1]])


if __name__ == "__main__":
    compete(opened)
