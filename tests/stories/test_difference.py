"""A retry pays only for the difference: what still fits is kept word for word."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import RunSession
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

OMS = Path(__file__).parents[2] / "src/callsheet/workflows/oms"


@pytest.fixture
def service(place: RunBackend, server: StrictOpenAI) -> RunService:
    return place.service(server)


async def _begun(service: RunService, *groups: str, workflow: str = "oms") -> RunSession:
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=groups), workflow)
    await session.advance()
    await session.close()
    assert session.view.status == "succeeded", session.view.error
    return session


async def _retried(
    service: RunService, run: str, options: RunOptions, step: str | None = None
) -> dict[str, Any]:
    session = await service.retry(run, options, step)
    await session.advance()
    await session.close()
    assert session.view.status == "succeeded", session.view.error
    return session.document()


def _asked(server: StrictOpenAI, number: int) -> tuple[str, str, list[str]]:
    """System message, user message and models of a request."""
    seen = server.requests[number].json
    schema = seen["response_format"]["json_schema"]["schema"]
    system, user = (message["content"] for message in seen["messages"])
    return system, user, list(schema["properties"]["prompts"]["properties"])


@pytest.mark.workers
async def test_more_groups_call_for_the_new_ones_alone_with_the_first_as_an_anchor(
    service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "sora")
    before = prompts_of(first.document())

    after = await _retried(
        service, first.view.run, RunOptions(groups=["sora", "midjourney"]), "prompt_generation"
    )

    assert len(server.requests) == 2
    system, user, models = _asked(server, 1)
    assert models == ["MIDJOURNEY_A", "MIDJOURNEY_B"]
    assert "SORA_2_A" not in system
    assert before["SORA_2_A"] in user
    assert {name: prompts_of(after)[name] for name in before} == before
    assert list(prompts_of(after)) == ["SORA_2_A", "SORA_1_A", "MIDJOURNEY_A", "MIDJOURNEY_B"]


async def test_fewer_groups_make_no_llm_call(service: RunService, server: StrictOpenAI) -> None:
    first = await _begun(service, "sora", "leonardo")
    after = await _retried(service, first.view.run, RunOptions(groups=["leonardo"]))
    assert len(server.requests) == 1
    assert list(prompts_of(after)) == ["LEONARDO_ANIME_XL_A"]
    assert after["usage"]["calls"] == 1


@pytest.mark.workers
async def test_a_group_that_is_selected_again_is_not_paid_again(
    service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "leonardo")
    await _retried(service, first.view.run, RunOptions(groups=["phoenix"]))
    again = await _retried(service, first.view.run, RunOptions(groups=["leonardo"]))
    assert len(server.requests) == 2
    assert prompts_of(again) == prompts_of(first.document())


@pytest.mark.workers
async def test_rewriting_one_model_requests_that_model_only(
    service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "sora", "leonardo")
    await _retried(service, first.view.run, RunOptions(rewrite=["SORA_1_A"]))
    assert [_asked(server, n)[2] for n in (0, 1)] == [
        ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"],
        ["SORA_1_A"],
    ]


async def test_rewriting_all_pays_for_all(service: RunService, server: StrictOpenAI) -> None:
    first = await _begun(service, "sora", "leonardo")
    await _retried(service, first.view.run, RunOptions(rewrite=["all"]))
    assert _asked(server, 1)[2] == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]


@pytest.mark.workers
async def test_the_motion_prompts_are_rewritten_only_if_the_image_prompt_changed(
    service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "leonardo", "phoenix", "motion_2_0")
    assert len(server.requests) == 2

    # Phoenix, the first picture, stays: nothing is asked. Without it the motion has another picture.
    await _retried(service, first.view.run, RunOptions(groups=["phoenix"]))
    assert len(server.requests) == 2
    await _retried(service, first.view.run, RunOptions(groups=["leonardo"]))
    assert len(server.requests) == 3
    assert _asked(server, 2)[2] == ["motion_2_0"]


async def test_naming_one_category_leaves_the_other_as_it_was(
    service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "leonardo")
    after = await _retried(service, first.view.run, RunOptions(groups=["midjourney_animate"]))
    assert after["selection"] == {
        "image_generation": ["leonardo"],
        "video_generation": ["midjourney_animate"],
    }
    assert len(server.requests) == 2


@pytest.mark.workers
async def test_a_changed_instruction_file_makes_exactly_its_group_stale(
    service: RunService, server: StrictOpenAI, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(OMS, mine)
    first = await _begun(service, "sora", "leonardo", workflow=str(mine))

    changed = mine / "prompts/image_generation/leonardo_instructions.txt"
    changed.write_text(changed.read_text("utf-8") + "\nOne rule more.\n")
    await _retried(service, first.view.run, RunOptions(groups=["sora", "leonardo"]))

    system, _, models = _asked(server, 1)
    assert models == ["LEONARDO_ANIME_XL_A"]
    assert "One rule more." in system


async def test_another_llm_makes_everything_stale(
    place: RunBackend, service: RunService, server: StrictOpenAI
) -> None:
    first = await _begun(service, "sora", "leonardo")
    other = place.service(client_of(server, "another"))
    await _retried(other, first.view.run, RunOptions(groups=["sora", "leonardo"]))
    assert len(_asked(server, 1)[2]) == 3


@pytest.mark.workers
async def test_an_edit_is_stored_apart_and_used_by_the_motion_step(
    service: RunService, server: StrictOpenAI
) -> None:
    session = await service.start(
        RunOptions(brief={"idea": IDEA}, groups=["leonardo", "motion_2_0"], review=True)
    )
    await session.advance()
    mine = "heron, dawn, " + "still water, " * 12 + "mist"
    for words in ("edit", "LEONARDO_ANIME_XL_A", mine, "accept", "accept"):
        await session.answer(words)
        await session.advance()

    assert session.view.status == "succeeded", session.view.error
    assert prompts_of(session.document())["LEONARDO_ANIME_XL_A"] == mine
    assert mine in _asked(server, 1)[1]
    written = session.view.state["image_prompts"]
    assert isinstance(written, dict)
    assert mine not in str(written)

    # The edit holds as long as the text that it replaces stands.
    await session.close()
    after = await _retried(service, session.view.run, RunOptions(groups=["leonardo", "phoenix"]))
    assert prompts_of(after)["LEONARDO_ANIME_XL_A"] == mine


@pytest.mark.workers
async def test_every_attempt_stays_readable(service: RunService, server: StrictOpenAI) -> None:
    first = await _begun(service, "sora")
    await _retried(service, first.view.run, RunOptions(groups=["leonardo"]))
    shown = await service.show(first.view.run)
    brought = [
        (each["step"], each["attempt"], each["result"], list(each["prompts"]))
        for each in shown["attempts"]
    ]
    assert brought == [
        ("user_input", 1, "done", []),
        ("prompt_generation", 1, "done", ["SORA_2_A", "SORA_1_A"]),
        ("video_prompt_generation", 1, "skipped", []),
        ("prompt_generation", 2, "done", ["LEONARDO_ANIME_XL_A"]),
        ("video_prompt_generation", 2, "skipped", []),
    ]
    assert server.requests
