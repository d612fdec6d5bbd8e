"""A run that workers die of, one after another, is given up; whoever resumes it begins to count anew."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from callsheet.app.crashes import MOST_DEATHS, TOLD
from callsheet.app.runs import Office, Wish
from callsheet.settings import read_settings
from callsheet.store.memory import MemoryStore

LONG = 1_000.0


@dataclass
class Clock:
    time: float = LONG

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def office(clock: Clock) -> Office:
    return Office(read_settings(), store=MemoryStore(now=clock))


async def _begun(office: Office) -> str:
    session = await office.start(Wish(brief={"idea": "a heron"}, groups=["sora"]))
    await session.keep()
    return session.view.run


async def _told(office: Office, run: str) -> list[str]:
    kinds = [fact.event for fact in await office.store.events(run)]
    return [event.text if event.kind == "noted" else event.kind for event in kinds]


async def test_a_run_is_given_up_after_so_many_deaths_and_says_what_to_do(
    office: Office, clock: Clock
) -> None:
    run = await _begun(office)
    for _ in range(MOST_DEATHS - 1):
        clock.time += LONG
        assert (await office.pick_up(run)).view.status == "running"
    clock.time += LONG
    session = await office.pick_up(run)
    view = await session.go_on()

    assert await _told(office, run) == ["run_started", *[TOLD] * (MOST_DEATHS - 1), "run_failed"]
    assert view.error is not None
    assert (view.error.code, view.error.exit_code) == ("run_crashed", 1)
    assert f"callsheet resume {run}" in view.error.hint


async def test_whoever_resumes_it_gives_it_as_many_tries_again(
    office: Office, clock: Clock
) -> None:
    run = await _begun(office)
    for _ in range(MOST_DEATHS):
        clock.time += LONG
        session = await office.pick_up(run)
    await session.close()
    again = await office.resume(run, Wish())
    clock.time += LONG
    session = await office.pick_up(again.view.run)
    assert (await session.go_on()).status == "succeeded"


async def test_a_run_that_goes_on_is_not_given_up_however_many_have_died(
    office: Office, clock: Clock
) -> None:
    session = await office.start(Wish(brief={"idea": "a heron"}))
    run = session.view.run
    await session.go_on()
    for answer in ("sora", "accept", "none"):
        await session.answer(answer)
        for _ in range(MOST_DEATHS - 1):
            clock.time += LONG
            session = await office.pick_up(run)
        await session.go_on()
    assert session.view.status == "succeeded", session.view.error
    assert (await _told(office, run)).count(TOLD) > MOST_DEATHS


async def test_who_lets_go_of_a_run_has_not_died(office: Office) -> None:
    session = await office.start(Wish(brief={"idea": "a heron"}, groups=["sora"]))
    await session.close()
    again = await office.pick_up(session.view.run)
    assert TOLD not in await _told(office, again.view.run)
