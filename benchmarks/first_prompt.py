"""Time the wait for the first and the last prompt, streamed and not streamed.

Run it with `python -m benchmarks.first_prompt`. A loopback LLM writes the workflow's own drafts at
80 tokens a second; callsheet runs as it always does, with its real client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.tokens import count_tokens
from callsheet.loader.bundle import load_workflow
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent

IDEA = "a woman reads by a rain-streaked window at dusk"

TOKENS_A_SECOND = 80

CATEGORY = "image_generation"


@dataclass(frozen=True)
class Waited:
    """Seconds until the first finished prompt could be read, and until the run was done."""

    first: float
    last: float


class Speaker:
    """A server that writes known prompts at a steady speed, or answers when all are written."""

    def __init__(self, prompts: Mapping[str, Any], *, streams: bool) -> None:
        self._prompts = prompts
        self._streams = streams

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        body = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
        form = body["response_format"]["json_schema"]["schema"]["properties"]["prompts"]
        text = json.dumps({"prompts": {name: self._prompts[name] for name in form["properties"]}})
        kind = "text/event-stream" if self._streams else "application/json"
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode()
        )
        if self._streams:
            async for piece in _spoken(text):
                writer.write(_event(delta={"content": piece}))
                await writer.drain()
            writer.write(_event(delta={}, finish_reason="stop") + b"data: [DONE]\n\n")
        else:
            await asyncio.sleep(count_tokens(text) / TOKENS_A_SECOND)
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            writer.write(json.dumps({"choices": [{"index": 0, **choice}]}).encode())
        await writer.drain()
        writer.close()


async def _spoken(text: str) -> AsyncIterator[str]:
    """The text in pieces of a token's size, each when its time has come."""
    count, began = count_tokens(text), time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + (number + 1) / TOKENS_A_SECOND - time.perf_counter()))
        yield text[len(text) * number // count : len(text) * (number + 1) // count]


def _event(**choice: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode()


async def _drafts(groups: Sequence[str]) -> dict[str, Any]:
    """The prompts that the workflow writes without an LLM."""
    service = RunService(read_settings({"HOME": "."}), store=SqlStore.in_memory())
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=groups))
    await session.advance()
    return dict(session.document()["prompts"][CATEGORY])


async def wait_for(prompts: Mapping[str, Any], groups: Sequence[str], *, streams: bool) -> Waited:
    """One run before such a server, as a person would wait for it."""
    server = await asyncio.start_server(Speaker(prompts, streams=streams).serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    came: list[float] = []

    def hear(recorded: RecordedEvent, view: RunView) -> None:
        del view
        if recorded.event.kind == "values_finished":
            came.append(time.perf_counter())

    llm = ProviderLLM("openai", "loopback", base_url=url)
    service = RunService(
        read_settings({"HOME": "."}), store=SqlStore.in_memory(), llm=llm, listen=hear
    )
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=groups))
    began = time.perf_counter()
    await session.advance()
    done = time.perf_counter()
    written = session.document()["prompts"][CATEGORY]
    assert written == dict(prompts), session.view.error  # noqa: S101  # else nothing is measured
    server.close()
    return Waited((came[0] if came else done) - began, done - began)


async def measure() -> str:
    """One Markdown table: a row for each number of models."""
    catalog = load_workflow("oms").resources.catalog
    every = catalog.in_order(catalog.siblings(["sora"], CATEGORY))
    lines = [
        "| models | reply tokens | | first prompt, s | last prompt, s |",
        "| ---: | ---: | --- | ---: | ---: |",
    ]
    await wait_for(await _drafts(["sora"]), ["sora"], streams=False)  # the client library is loaded
    for groups in (["sora"], every):
        prompts = await _drafts(groups)
        tokens = count_tokens(json.dumps({"prompts": prompts}))
        for streams in (True, False):
            waited = await wait_for(prompts, groups, streams=streams)
            how = "streamed" if streams else "in one piece"
            row = f"{len(prompts)} | {tokens:,} | {how} | {waited.first:.1f} | {waited.last:.1f}"
            lines.append(f"| {row} |")
    return "\n".join(lines)


def page(rows: str) -> str:
    """The page that keeps what was measured."""
    on = (
        f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()},"
        f" Python {platform.python_version()}, {datetime.now(UTC):%d %B %Y}"
    )
    return "\n\n".join(
        (
            "# Time to the first prompt",
            f"Measured with `python -m benchmarks.first_prompt` on {on}. An LLM on the same machine"
            f" writes the workflow's drafts at {TOKENS_A_SECOND} tokens per second, streamed or in one"
            " piece at the end. A prompt counts when it is checked and stored; the text written so far"
            " is examined four times per second. The client library is loaded beforehand, which takes"
            " one to two seconds.",
            rows,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the first and the last prompt of a run.")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the table as a page")
    told = parser.parse_args()
    rows = asyncio.run(measure())
    print(rows)
    if told.save:
        told.save.parent.mkdir(parents=True, exist_ok=True)
        told.save.write_text(page(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
