"""A person's own text for a prompt: it stands at once, costs nothing, and is never lost."""

from __future__ import annotations

import pytest

from callsheet.errors import StateConflictError, UnknownNameError
from callsheet.runs.edit import EditedElsewhereError, replace_prompt
from callsheet.runs.options import RunOptions
from tests.support.loopback import Answer
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

MINE = f"{IDEA}, oil on canvas, my own words, cold blue light from the left"
OTHER = f"{IDEA}, charcoal on paper, other words, warm light from the right"


@pytest.fixture
def runs(server: StrictOpenAI) -> InMemoryRuns:
    return InMemoryRuns.with_llm(client_of(server))


async def test_an_edit_stands_at_once_and_marks_the_motion_of_the_earlier_picture(
    runs: InMemoryRuns, server: StrictOpenAI
) -> None:
    run = (await runs.session(["sora", "motion_2_0"])).view.run
    before = await runs.service.show(run)
    assert "from_earlier_still" not in before

    await replace_prompt(runs.service, run, "SORA_2_A", MINE)

    after = await runs.service.show(run)
    assert after.status == "succeeded"
    assert after.usage == before.usage
    assert prompts_of(after) == {**prompts_of(before), "SORA_2_A": MINE}
    assert after.from_earlier_still == ["motion_2_0"]
    assert [each.result for each in after.attempts or ()] == ["done"] * 3 + ["edited"]

    session = await runs.service.retry(run, RunOptions(groups=["motion_2_0"]))
    await session.advance()
    assert MINE in str(server.requests[-1])
    assert "from_earlier_still" not in session.document()
    assert prompts_of(session.document())["SORA_2_A"] == MINE


async def test_an_edit_of_another_picture_or_one_that_is_taken_back_marks_no_motion(
    runs: InMemoryRuns,
) -> None:
    run = (await runs.session(["sora", "motion_2_0"])).view.run
    written = prompts_of((await runs.service.show(run)).to_json())
    await replace_prompt(runs.service, run, "SORA_1_A", MINE)
    assert (await runs.service.show(run)).from_earlier_still is None
    await replace_prompt(runs.service, run, "SORA_2_A", MINE)
    await replace_prompt(runs.service, run, "SORA_2_A", written["SORA_2_A"])
    assert (await runs.service.show(run)).from_earlier_still is None


async def test_an_edit_of_an_older_text_is_refused_with_the_newer_one(runs: InMemoryRuns) -> None:
    run = (await runs.session(["sora"])).view.run
    seq = (await runs.service.show(run)).seq
    await replace_prompt(runs.service, run, "SORA_2_A", MINE, seq=seq)
    with pytest.raises(EditedElsewhereError) as caught:
        await replace_prompt(runs.service, run, "SORA_2_A", OTHER, seq=seq)
    assert caught.value.text == MINE

    await replace_prompt(runs.service, run, "SORA_1_A", OTHER, seq=seq)
    assert prompts_of((await runs.service.show(run)).to_json())["SORA_2_A"] == MINE
    await replace_prompt(runs.service, run, "SORA_2_A", OTHER, seq=caught.value.seq)
    await replace_prompt(runs.service, run, "SORA_1_A", MINE)
    assert prompts_of((await runs.service.show(run)).to_json()) == {
        "SORA_2_A": OTHER,
        "SORA_1_A": MINE,
    }


async def test_an_edit_outlives_added_groups_and_a_group_that_comes_back(
    runs: InMemoryRuns,
) -> None:
    run = (await runs.session(["sora", "leonardo"])).view.run
    await replace_prompt(runs.service, run, "LEONARDO_ANIME_XL_A", MINE)
    for groups in (["sora"], ["sora", "phoenix"], ["sora", "leonardo"]):
        session = await runs.service.retry(run, RunOptions(groups=groups))
        await session.advance()
    assert prompts_of(session.document())["LEONARDO_ANIME_XL_A"] == MINE


async def test_one_text_of_several_is_edited_alone(runs: InMemoryRuns) -> None:
    run = (await runs.session(["leonardo", "motion_2_0"])).view.run
    before = prompts_of((await runs.service.show(run)).to_json())["motion_2_0"]
    await replace_prompt(runs.service, run, "motion_2_0.simplified_cinematic", MINE)
    after = prompts_of((await runs.service.show(run)).to_json())["motion_2_0"]
    assert after == {**before, "simplified_cinematic": MINE}


async def test_a_failed_run_is_edited_and_stays_failed_with_one_failed_attempt(
    runs: InMemoryRuns, server: StrictOpenAI
) -> None:
    run = (await runs.session(["sora"])).view.run
    refusal = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}
    server.fail(lambda _: Answer(401, refusal))
    session = await runs.service.retry(run, RunOptions(groups=["motion_2_0"]))
    await session.advance()

    await replace_prompt(runs.service, run, "SORA_2_A", MINE)

    after = await runs.service.show(run)
    assert (after.status, prompts_of(after.to_json())["SORA_2_A"]) == ("failed", MINE)
    results = [each.result for each in after.attempts or ()]
    assert results.count("failed") == 1
    assert [each["status"] for each in await runs.service.runs()] == ["failed"]
    resumed = await runs.service.resume(run, RunOptions())
    await resumed.advance()
    assert resumed.document().status == "succeeded"


async def test_an_edit_at_an_open_review_is_shown_by_it_and_accepted_with_it(
    runs: InMemoryRuns,
) -> None:
    options = RunOptions(brief={"idea": IDEA}, groups=["sora"], review=True)
    session = await runs.service.start(options)
    await session.advance()
    run = session.view.run
    for answer in ("edit", "SORA_1_A", OTHER):
        await session.answer(answer)
        await session.advance()

    await replace_prompt(runs.service, run, "SORA_2_A", MINE)

    asked = await runs.service.show(run)
    assert asked.question is not None
    assert asked.question.show == {"SORA_2_A": MINE, "SORA_1_A": OTHER}
    assert prompts_of(asked.to_json()) == asked.question.show
    reopened = await runs.service.open(run)
    await reopened.answer("accept")
    await reopened.advance()
    assert prompts_of(reopened.document()) == asked.question.show


async def test_an_edit_leaves_the_question_of_another_step_open(runs: InMemoryRuns) -> None:
    session = await runs.service.start(RunOptions(brief={"idea": IDEA}))
    await session.advance()
    for answer in (["sora"], "accept"):
        while session.view.question and not session.view.question.key.startswith(("groups", "rev")):
            await session.answer(session.view.question.default or "calm")
            await session.advance()
        await session.answer(answer)
        await session.advance()
    run = session.view.run
    await replace_prompt(runs.service, run, "SORA_2_A", MINE)
    asked = await runs.service.show(run)
    assert asked.question is not None
    assert asked.question.key == "groups.video_generation"
    assert asked.status == "waiting"


async def test_what_cannot_be_edited_is_refused_with_a_reason(runs: InMemoryRuns) -> None:
    run = (await runs.session(["sora"])).view.run
    with pytest.raises(UnknownNameError, match="no prompt 'SD_B'"):
        await replace_prompt(runs.service, run, "SD_B", MINE)
    waiting = await runs.service.start(RunOptions())
    await waiting.advance()
    with pytest.raises(StateConflictError, match="cannot be edited yet"):
        await replace_prompt(runs.service, waiting.view.run, "SORA_2_A", MINE)


async def test_a_choice_for_a_later_step_is_in_the_document_from_the_start(
    runs: InMemoryRuns,
) -> None:
    session = await runs.service.start(
        RunOptions(brief={"idea": IDEA}, groups=["sora", "motion_2_0"])
    )
    await session.save()
    planned = session.document().planned_models
    assert planned == {
        "image_generation": ["SORA_2_A", "SORA_1_A"],
        "video_generation": ["motion_2_0"],
    }
    await session.advance()
    assert "planned_models" not in session.document()
