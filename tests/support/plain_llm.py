"""A small LLM door over plain HTTP, for tests that start many processes: the client takes seconds."""

from __future__ import annotations

import asyncio
import json
import urllib.request

from callsheet.llm.port import Reply, Request, TextListener, Usage
from callsheet.llm.schema_adapter import adapt_schema


class PlainLLM:
    """Speaks to a loopback server and judges nothing."""

    spec = "openai:plain"

    def __init__(self, url: str) -> None:
        self._url = url

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        del on_text
        return await asyncio.to_thread(self._compose, request)

    def _compose(self, request: Request) -> Reply:
        form = {
            "type": "json_schema",
            "json_schema": {
                "name": request.name,
                "strict": True,
                "schema": adapt_schema(request.schema, "openai"),
            },
        }
        messages = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.user},
        ]
        body = {"model": "plain", "messages": messages, "response_format": form}
        call = urllib.request.Request(  # noqa: S310  # a loopback address of our own
            f"{self._url}/chat/completions",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=60) as answer:  # noqa: S310
            choice = json.loads(answer.read())["choices"][0]
        usage = Usage(input_tokens=100, output_tokens=20, cost_usd=0.001)
        return Reply(choice["message"]["content"], "stop", usage, "plain")
