"""The first answer to a question wins; whoever comes later is told."""

from __future__ import annotations

import pytest

from callsheet.errors import AnswerError, InputError
from callsheet.runs.options import RunOptions
from callsheet.runs.session import AlreadyAnsweredError
from tests.support.run_backends import RunBackend


@pytest.mark.workers
async def test_the_first_of_two_answers_counts_and_the_second_is_rejected(
    place: RunBackend,
) -> None:
    here, there = place.service(), place.service()
    mine = await here.start(RunOptions(brief={"idea": "a heron"}))
    await mine.advance()

    theirs = await there.resume(mine.view.run, RunOptions())
    await theirs.answer("sora")
    with pytest.raises(AlreadyAnsweredError, match="answered elsewhere: sora"):
        await mine.answer("leonardo")

    await theirs.advance()
    chosen = theirs.document()["selection"]["image_generation"]
    assert chosen == ["sora"]


@pytest.mark.workers
async def test_a_wrong_answer_is_no_fact(place: RunBackend) -> None:
    session = await place.service().start(RunOptions(brief={"idea": "a heron"}))
    await session.advance()
    facts = session.view.seq
    with pytest.raises(AnswerError):
        await session.answer("6")
    assert session.view.seq == facts


@pytest.mark.workers
async def test_a_run_without_an_open_question_rejects_an_answer(place: RunBackend) -> None:
    session = await place.service().start(RunOptions(brief={"idea": "a heron"}, groups=["sora"]))
    await session.advance()
    with pytest.raises(InputError, match="has no open question"):
        await session.answer("sora")
