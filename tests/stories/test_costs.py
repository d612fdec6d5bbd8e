"""What a call costs: as predicted, as recorded and as a model of the providers' billing charges."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.costs.__main__ import ALONE, FIRST, LIMIT, SECOND, compare
from benchmarks.costs.billing import LLMS
from callsheet import estimate
from callsheet.errors import InputError
from tests.support.cli import Terminal

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


@pytest.mark.parametrize("spec", ["openai:gpt-5.6-sol", "anthropic:claude-sonnet-4-6"])
async def test_calls_cost_what_was_predicted_and_recorded_and_a_cache_pays_from_the_second_on(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "a-key-for-nothing")
    found = {each.call: each for each in await compare(spec, ("sora", "leonardo"), tmp_path)}
    assert all(each.error < LIMIT for each in found.values()), found
    alone, first, second = (found[call].billed for call in (ALONE, FIRST, SECOND))
    assert second < alone < first < alone * 1.25
    assert first + second < 2 * alone


async def test_a_flex_call_costs_half_as_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-nothing")
    flex = await compare("openai:gpt-5.2", ("sora",), tmp_path, "flex")
    assert all(each.error < LIMIT for each in flex)


def test_an_estimate_at_the_flex_tier_is_half() -> None:
    full = estimate(["sora"], llm="openai:gpt-5.2").cost_usd
    half = estimate(["sora"], llm="openai:gpt-5.2", tier="flex").cost_usd
    assert full is not None
    assert half == pytest.approx(full / 2)


def test_an_estimate_says_where_a_small_choice_is_dearer_on_input(terminal: Terminal) -> None:
    words = ("estimate", "--groups", "sora", "--llm")
    dearer = terminal(*words, "anthropic:claude-haiku-4-5")
    assert "then these groups cost more on input" in dearer.err
    assert "with output $" in dearer.err
    assert "cost more on input" not in terminal(*words, "openai:gpt-5.2").err
    report = terminal(*words, "anthropic:claude-haiku-4-5", "--json").json
    assert report["selection"]["cached_input_tokens"] == 0 < report["all"]["cached_input_tokens"]


def test_an_estimate_of_a_tier_without_a_price_is_an_upper_bound(terminal: Terminal) -> None:
    words = ("estimate", "--groups", "sora", "--llm", "google:gemini-3.8-flash", "--tier", "flex")
    assert "at most $" in terminal(*words).out
    assert terminal(*words, "--json").json["selection"]["cost_at_most"] is True


def test_a_tier_that_a_provider_does_not_have_ends_with_2_before_anything_is_sent(
    terminal: Terminal,
) -> None:
    words = ("--groups", "sora", "--llm", "anthropic:claude-sonnet-4-6")
    for command in (("estimate",), ("run", "--idea", "a heron at dawn")):
        refused = terminal(*command, *words, "--tier", "flex")
        assert refused.status == 2
        assert "Anthropic has no flex tier" in refused.err
    terminal.env["CALLSHEET_TIER"] = "flex"
    assert terminal("estimate", *words).status == 2
    assert terminal("run", "--idea", "a heron at dawn", "--groups", "sora").status == 0
    terminal.env["CALLSHEET_TIER"] = "fast"
    assert "CALLSHEET_TIER cannot be 'fast'" in terminal("estimate", *words).err


def test_a_program_is_told_what_a_tier_may_be() -> None:
    with pytest.raises(InputError, match="tier cannot be 'fast'"):
        estimate(["sora"], tier="fast")  # type: ignore[arg-type]


def test_the_model_of_billing_covers_five_llms() -> None:
    assert len(LLMS) == 5
