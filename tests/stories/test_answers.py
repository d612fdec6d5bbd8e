"""The first answer to a question wins; whoever comes later is told."""

from __future__ import annotations

import pytest

from callsheet.app.runs import Office, Wish
from callsheet.errors import AnswerError, InputError
from callsheet.settings import read_settings
from callsheet.store.memory import MemoryStore
from callsheet.store.port import HeldError


class Clock:
    """A clock that is set by hand."""

    seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


async def test_two_answers_to_one_question_the_first_wins_and_the_second_is_told() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    here, there = (Office(read_settings(), store=store) for _ in range(2))
    mine = await here.start(Wish(brief={"idea": "a heron"}))
    await mine.go_on()
    with pytest.raises(HeldError):
        await there.resume(mine.view.run, Wish())

    # The first has been silent for so long that another may take over.
    clock.seconds += 31
    theirs = await there.resume(mine.view.run, Wish())
    await theirs.answer("sora")
    with pytest.raises(HeldError):
        await mine.answer("leonardo")

    await theirs.go_on()
    chosen = theirs.document()["selection"]["image_generation"]
    assert chosen == ["sora"]


async def test_a_wrong_answer_is_no_fact() -> None:
    office = Office(read_settings(), store=MemoryStore())
    session = await office.start(Wish(brief={"idea": "a heron"}))
    await session.go_on()
    facts = session.view.seq
    with pytest.raises(AnswerError):
        await session.answer("6")
    assert session.view.seq == facts


async def test_a_run_that_asks_nothing_takes_no_answer() -> None:
    office = Office(read_settings(), store=MemoryStore())
    session = await office.start(Wish(brief={"idea": "a heron"}, groups=["sora"]))
    await session.go_on()
    with pytest.raises(InputError, match="asks nothing"):
        await session.answer("sora")
