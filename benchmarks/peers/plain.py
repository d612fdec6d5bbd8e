"""A plain asyncio script over callsheet's own client: the same request, the reply parsed, nothing kept."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.contest import IDEA, Ask, Given, Opened, compete
from callsheet.app.building import instructions_for, schema_for
from callsheet.app.productions import open_production
from callsheet.llm.client import Client
from callsheet.llm.port import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GROUPS = ("sora",)


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    del ask
    production = open_production()
    client = Client("openai", "any", base_url=given.url.removesuffix("/chat/completions"))
    request = Request(instructions_for(production, GROUPS), IDEA, schema_for(production, GROUPS))

    async def run(name: str) -> str:
        del name
        reply = await client.compose(request)
        return "The sheet for today:\n\n" + str(json.loads(reply.text)["text"])

    yield Opened(run)


if __name__ == "__main__":
    compete(opened)
