"""The lower bound: six modules after one another, and nothing is kept."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.contest import FILLED, IDEA, LAST, Ask, Given, Opened, compete, module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    del given

    async def run(name: str) -> str:
        del name
        values = {"idea": IDEA}
        for each in FILLED:
            values[each] = await module(each, values, ask)
        return values[LAST]

    yield Opened(run)


if __name__ == "__main__":
    compete(opened)
