"""The plan's test cases as stories, told by the offline door and by the real client over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from callsheet import build_instructions, load_groups
from tests.support.runs import InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

OMS = Path(__file__).parents[2] / "src/callsheet/workflows/oms"

SELECTIONS = {
    ("sora",): 2,
    ("sora", "leonardo"): 3,
    ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion"): 9,
    ("midjourney", "stable_diffusion"): 5,
}
MOTION = {("motion_2_0",): 1, ("midjourney_animate", "motion_2_0"): 2}


def _models(groups: Sequence[str]) -> list[str]:
    return [
        model
        for category in load_groups().values()
        for name, group in category.items()
        if name in groups
        for model in group.models
    ]


@pytest.mark.parametrize("groups", SELECTIONS | MOTION, ids="+".join)
async def test_offline_a_selection_gives_exactly_its_prompts(groups: tuple[str, ...]) -> None:
    document = await InMemoryRuns.with_llm().run(groups)
    assert document["status"] == "succeeded"
    assert list(prompts_of(document)) == _models(groups)
    assert len(prompts_of(document)) == (SELECTIONS | MOTION)[groups]
    assert document["problems"] == []


@pytest.mark.parametrize("groups", SELECTIONS | MOTION, ids="+".join)
async def test_over_http_a_selection_sends_its_own_instructions_and_schema_and_no_others(
    server: StrictOpenAI, groups: tuple[str, ...]
) -> None:
    document = await InMemoryRuns.with_llm(client_of(server)).run(groups)
    assert document["status"] == "succeeded", document
    assert list(prompts_of(document)) == _models(groups)
    assert document["problems"] == []

    (seen,) = server.requests
    system = next(m["content"] for m in seen.json["messages"] if m["role"] == "system")
    assert system == build_instructions(groups)
    _holds_only(system, groups)
    form = seen.json["response_format"]["json_schema"]
    assert form["strict"] is True
    assert list(form["schema"]["properties"]["prompts"]["properties"]) == _models(groups)


def _holds_only(system: str, groups: Sequence[str]) -> None:
    """The chosen groups' texts are in the instructions, and not one heading of another's."""
    for path in OMS.glob("prompts/*_generation/*_instructions.txt"):
        name = path.name.removesuffix("_instructions.txt")
        if name == "_shared":
            continue
        text = path.read_text("utf-8").strip()
        assert (text in system) == (name in groups), name
        assert (text.splitlines()[0] in system) == (name in groups), name


async def test_image_and_motion_prompts_take_two_calls_and_the_second_includes_the_image_prompt(
    server: StrictOpenAI,
) -> None:
    document = await InMemoryRuns.with_llm(client_of(server)).run(["leonardo", "motion_2_0"])
    assert [list(p) for p in document["prompts"].values()] == [
        ["LEONARDO_ANIME_XL_A"],
        ["motion_2_0"],
    ]
    _, motion = server.requests
    picture = document["prompts"]["image_generation"]["LEONARDO_ANIME_XL_A"]
    assert picture in motion.json["messages"][-1]["content"]


async def test_selecting_from_the_click_order_sends_the_configs_order(server: StrictOpenAI) -> None:
    document = await InMemoryRuns.with_llm(client_of(server)).run(["leonardo", "sora"])
    assert document["selection"]["image_generation"] == ["sora", "leonardo"]
    system = server.requests[0].json["messages"][0]["content"]
    assert system.index("SORA_2_A") < system.index("LEONARDO_ANIME_XL_A")


async def test_retry_with_another_selection_gives_that_selection(server: StrictOpenAI) -> None:
    server = InMemoryRuns.with_llm(client_of(server))
    first = await server.session(["sora"])
    await first.close()
    from callsheet.runs.options import RunOptions

    again = await server.service.retry(first.view.run, RunOptions(groups=["leonardo", "phoenix"]))
    await again.advance()
    document = again.document()
    assert document["selection"]["image_generation"] == ["phoenix", "leonardo"]
    assert list(prompts_of(document)) == ["PHOENIX_1_0_A", "LEONARDO_ANIME_XL_A"]
    assert document["usage"]["calls"] == 2


async def test_usage_and_savings_are_what_was_really_sent(server: StrictOpenAI) -> None:
    document = await InMemoryRuns.with_llm(client_of(server)).run(["sora"])
    assert document["usage"]["input_tokens"] > 0
    assert document["usage"]["cost_usd"] is None  # nobody knows this server's price
    savings = document["savings"]
    assert savings["instruction_tokens"] < 0.22 * savings["instruction_tokens_all"]
    assert savings["percent"] >= 78
