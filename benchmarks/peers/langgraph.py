"""LangGraph: six nodes in a row, its SQLite checkpointer, one thread for each run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

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

State = TypedDict("State", dict.fromkeys(("idea", *FILLED), str), total=False)


def _node(name: str, ask: Ask):
    async def node(state):
        return {name: await module(name, state, ask)}

    return node


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    durability, _, journal = given.option.partition(" ")
    async with aiosqlite.connect(given.file) as file:
        saver = AsyncSqliteSaver(file)
        await saver.setup()
        if journal != "own":
            # Its `setup` chooses WAL by itself.
            await file.execute(f"pragma journal_mode = {given.journal}")
        await file.execute(f"pragma synchronous = {given.synchronous}")
        graph = StateGraph(State)
        names = list(FILLED)
        for name in names:
            graph.add_node(f"write_{name}", _node(name, ask))
        for before, after in zip([None, *names], [*names, None], strict=True):
            graph.add_edge(
                f"write_{before}" if before else START, f"write_{after}" if after else END
            )
        compiled = graph.compile(checkpointer=saver)

        async def run(name: str) -> str:
            config = {"configurable": {"thread_id": name}}
            state = await compiled.ainvoke({"idea": IDEA}, config, durability=durability)
            return str(state[LAST])

        mode = [
            (await (await file.execute(f"pragma {name}")).fetchone())[0]
            for name in ("journal_mode", "synchronous")
        ]
        yield Opened(run, mode[0], PRAGMA[mode[1]])


if __name__ == "__main__":
    compete(opened)
