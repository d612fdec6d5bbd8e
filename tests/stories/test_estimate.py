"""An estimate tells input as it is counted and output as a range, and says where the range is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from callsheet import estimate, run, run_async
from callsheet.llm.port import Reply, Request, TextListener
from callsheet.runs.estimate import estimate_selection
from callsheet.settings import read_settings
from tests.support.cli import Terminal
from tests.support.priced_llm import PricedLLM
from tests.support.runs import IDEA

IMAGE = ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion")


def test_without_runs_the_output_is_what_the_schemas_allow(empty_home: Path) -> None:
    report = estimate(["sora"], llm="openai:gpt-5.2")
    low, high = report.output_tokens
    assert report.output_from == "schema"
    assert 0 < low < report.details["selection"]["output_tokens"] < high
    assert report.output_tokens_all[1] > high
    assert not list(empty_home.rglob("*.sqlite"))


def test_with_runs_the_output_is_what_they_took() -> None:
    for idea in (IDEA, "a heron"):
        run(idea, ["sora"], llm=PricedLLM("openai:gpt-5.2"))
    report = estimate(["sora"], llm="openai:gpt-5.2")
    low, high = report.output_tokens
    assert report.output_from == "history"
    assert 60 < low < high < 500
    assert estimate(["leonardo"], llm="openai:gpt-5.2").output_from == "schema"


def test_money_is_a_range_too_and_all_groups_cost_more() -> None:
    side = estimate(["sora"], llm="openai:gpt-5.2").details
    chosen, every = side["selection"], side["all"]
    assert chosen["cost_usd_low"] < chosen["cost_usd"] < chosen["cost_usd_high"]
    assert side["saved"]["cost_usd"] == pytest.approx(every["cost_usd"] - chosen["cost_usd"])


def test_all_groups_save_nothing() -> None:
    report = estimate(IMAGE, llm="openai:gpt-5.2").details
    assert set(report["saved"].values()) == {0}


def test_the_llm_is_named_and_an_unknown_price_is_reported(terminal: Terminal) -> None:
    result = terminal("estimate", "--groups", "sora", "--llm", "ollama:qwen3")
    assert result.out.startswith("ollama:qwen3 ")
    assert "the price of ollama:qwen3 is unknown" in result.err
    report = terminal("estimate", "--groups", "sora", "--llm", "ollama:qwen3", "--json").json
    assert report["selection"]["cost_usd"] is report["saved"]["cost_usd"] is None


def test_a_server_of_ones_own_has_no_published_price(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_BASE_URL"] = "http://127.0.0.1:1/v1"
    result = terminal("estimate", "--groups", "sora", "--llm", "openai:gpt-5.2", "--json")
    assert result.json["selection"]["cost_usd"] is None


async def test_an_estimate_sends_what_a_run_would_send() -> None:
    class Noting(PricedLLM):
        async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
            reply = await super().compose(request, on_text)
            noted.append(reply.usage.input_tokens)
            return reply

    noted: list[int] = []
    await run_async(IDEA, ["sora", "motion_2_0"], llm=Noting("openai:gpt-5.2"))
    report = await estimate_selection(
        ["sora", "motion_2_0"], read_settings(), llm="openai:gpt-5.2", idea=IDEA
    )
    assert sum(noted) == report["selection"]["input_tokens"]
