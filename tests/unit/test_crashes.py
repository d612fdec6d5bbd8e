"""A run that workers die of, one after another, is given up; whoever resumes it begins to count anew."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.takeover import Takeover
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from callsheet.workers.crashes import CRASH_NOTE, MAX_CRASHES

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
def service(clock: Clock) -> RunService:
    return RunService(read_settings(), store=SqlStore.in_memory(now=clock))


async def _begun(service: RunService) -> str:
    session = await service.start(RunOptions(brief={"idea": "a heron"}, groups=["sora"]))
    await session.save()
    return session.view.run


async def _told(service: RunService, run: str) -> list[str]:
    kinds = [fact.event for fact in await service.store.events(run)]
    return [event.text if event.kind == "noted" else event.kind for event in kinds]


async def test_a_run_fails_after_several_worker_deaths_with_a_hint(
    service: RunService, clock: Clock
) -> None:
    run = await _begun(service)
    for _ in range(MAX_CRASHES - 1):
        clock.time += LONG
        assert (await Takeover(service.settings)(service.store, run)).view.status == "running"
    clock.time += LONG
    session = await Takeover(service.settings)(service.store, run)
    view = await session.advance()

    assert await _told(service, run) == [
        "run_started",
        *[CRASH_NOTE] * (MAX_CRASHES - 1),
        "run_failed",
    ]
    assert view.error is not None
    assert (view.error.code, view.error.exit_code) == ("run_crashed", 1)
    assert f"callsheet resume {run}" in view.error.hint


async def test_resuming_a_run_resets_its_number_of_worker_deaths(
    service: RunService, clock: Clock
) -> None:
    run = await _begun(service)
    for _ in range(MAX_CRASHES):
        clock.time += LONG
        session = await Takeover(service.settings)(service.store, run)
    await session.close()
    again = await service.resume(run, RunOptions())
    clock.time += LONG
    session = await Takeover(service.settings)(service.store, again.view.run)
    assert (await session.advance()).status == "succeeded"


async def test_a_run_that_makes_progress_is_not_failed_after_worker_deaths(
    service: RunService, clock: Clock
) -> None:
    session = await service.start(RunOptions(brief={"idea": "a heron"}))
    run = session.view.run
    await session.advance()
    for answer in ("sora", "accept", "none"):
        await session.answer(answer)
        for _ in range(MAX_CRASHES - 1):
            clock.time += LONG
            session = await Takeover(service.settings)(service.store, run)
        await session.advance()
    assert session.view.status == "succeeded", session.view.error
    assert (await _told(service, run)).count(CRASH_NOTE) > MAX_CRASHES


async def test_who_lets_go_of_a_run_has_not_died(service: RunService) -> None:
    session = await service.start(RunOptions(brief={"idea": "a heron"}, groups=["sora"]))
    await session.close()
    again = await Takeover(service.settings)(service.store, session.view.run)
    assert CRASH_NOTE not in await _told(service, again.view.run)
