"""A call is cut by its total time or by silence, the error says by which, and the call is counted."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from callsheet.errors import DeadlineError, InputError
from callsheet.llm.factory import open_llm
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.retry_policy import CallLimits
from callsheet.settings import read_settings
from tests.support.cli import Terminal
from tests.support.loopback import Hang
from tests.support.providers import REQUEST, SHAPES, client, serving
from tests.support.runs import InMemoryRuns, client_of
from tests.support.streaming import Break, Pace
from tests.support.strict_openai import StrictOpenAI

KEYS = {"OPENAI_API_KEY": "sk-none"}


def _limits(spec: str, base_url: str | None = None, **given: str) -> tuple[float, float]:
    llm = open_llm(spec, base_url=base_url, settings=read_settings({**KEYS, **given}))
    assert isinstance(llm, ProviderLLM)
    return llm.limits.deadline, llm.limits.idle


def test_a_server_of_your_own_has_an_hour_and_a_provider_two_minutes() -> None:
    assert _limits("openai:gpt-5.2") == (120, 60)
    assert _limits("openai:any", "http://localhost:8000/v1") == (3_600, 600)
    assert _limits("ollama:qwen3") == (3_600, 600)
    chosen = {"CALLSHEET_TIMEOUT": "0", "CALLSHEET_IDLE_TIMEOUT": "90.5"}
    assert _limits("openai:gpt-5.2", **chosen) == (math.inf, 90.5)


@pytest.mark.parametrize("text", ["-1", "soon", "nan", "inf"])
def test_a_time_limit_is_a_number_of_seconds(text: str) -> None:
    with pytest.raises(InputError, match="CALLSHEET_TIMEOUT cannot be"):
        read_settings({"CALLSHEET_TIMEOUT": text})


@pytest.mark.parametrize("provider", SHAPES)
async def test_silence_is_told_apart_from_slowness(provider: str) -> None:
    limits = CallLimits(deadline=math.inf, idle=0.3)
    with serving(provider, Hang()) as server:
        async with asyncio.timeout(20):
            with pytest.raises(DeadlineError, match=r"sent nothing for 0\.3 seconds") as raised:
                await client(server, provider, limits=limits).compose(REQUEST)
    assert "--idle-timeout" in raised.value.hint
    assert len(server.requests) == 1


async def test_a_server_that_streams_steadily_is_not_cut_for_silence() -> None:
    limits = CallLimits(deadline=math.inf, idle=0.5)
    with serving("openai", Pace(0.1)) as server:
        reply = await client(server, limits=limits).compose(REQUEST)
    assert reply.finish == "stop"
    assert json.loads(reply.text)


@pytest.mark.parametrize(
    ("fault", "limits"),
    [
        (Hang(), CallLimits(deadline=0.3)),
        (Break("hang"), CallLimits(deadline=20, idle=0.3, text_interval=0)),
    ],
    ids=["in all", "nothing more"],
)
async def test_a_call_that_was_cut_is_counted_and_its_price_is_unknown(
    fault: Any, limits: CallLimits
) -> None:
    with StrictOpenAI(faults=[fault]) as server:
        llm = client_of(server)
        llm.limits = limits
        document = await InMemoryRuns.with_llm(llm).run(["sora"])
    assert document["error"]["code"] == "provider_timeout"
    assert (document["usage"]["calls"], document["usage"]["cost_usd"]) == (1, None)


def test_the_command_line_sets_the_limits(terminal: Terminal) -> None:
    with StrictOpenAI(faults=[Hang()]) as server:
        words = (
            "run",
            "--json",
            "--idea",
            "a heron at dawn",
            "--groups",
            "sora",
            "--llm",
            "openai:any",
        )
        result = terminal(*words, "--base-url", server.url, "--timeout", "0.5")
    assert result.status == 5
    assert "did not finish within 0.5 seconds" in result.json["error"]["message"]
