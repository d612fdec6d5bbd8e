"""The first answer to a question wins; whoever comes later is told."""

from __future__ import annotations

import pytest

from callsheet.app.runs import Wish
from callsheet.app.session import AnsweredError
from callsheet.errors import AnswerError, InputError
from tests.support.places import Place


@pytest.mark.workers
async def test_two_answers_to_one_question_the_first_wins_and_the_second_is_told(
    place: Place,
) -> None:
    here, there = place.office(), place.office()
    mine = await here.start(Wish(brief={"idea": "a heron"}))
    await mine.go_on()

    theirs = await there.resume(mine.view.run, Wish())
    await theirs.answer("sora")
    with pytest.raises(AnsweredError, match="answered elsewhere: sora"):
        await mine.answer("leonardo")

    await theirs.go_on()
    chosen = theirs.document()["selection"]["image_generation"]
    assert chosen == ["sora"]


@pytest.mark.workers
async def test_a_wrong_answer_is_no_fact(place: Place) -> None:
    session = await place.office().start(Wish(brief={"idea": "a heron"}))
    await session.go_on()
    facts = session.view.seq
    with pytest.raises(AnswerError):
        await session.answer("6")
    assert session.view.seq == facts


@pytest.mark.workers
async def test_a_run_that_asks_nothing_takes_no_answer(place: Place) -> None:
    session = await place.office().start(Wish(brief={"idea": "a heron"}, groups=["sora"]))
    await session.go_on()
    with pytest.raises(InputError, match="asks nothing"):
        await session.answer("sora")
