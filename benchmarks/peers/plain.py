"""A plain asyncio script over callsheet's own client: the same request, the reply parsed, nothing kept."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.contest import IDEA, Ask, Given, Opened, compete
from callsheet.llm.port import Request
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.loader.bundle import load_workflow
from callsheet.loader.rendering import render_instructions, render_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GROUPS = ("sora",)


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    del ask
    bundle = load_workflow()
    client = ProviderLLM("openai", "any", base_url=given.url.removesuffix("/chat/completions"))
    request = Request(render_instructions(bundle, GROUPS), IDEA, render_schema(bundle, GROUPS))

    async def run(name: str) -> str:
        del name
        reply = await client.compose(request)
        return "The sheet for today:\n\n" + str(json.loads(reply.text)["text"])

    yield Opened(run)


if __name__ == "__main__":
    compete(opened)
