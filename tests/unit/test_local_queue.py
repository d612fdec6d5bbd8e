"""The queue of one process: so many runs at once, the urgent first, and a clean end."""

from __future__ import annotations

import asyncio

import pytest

from callsheet.queue.local import LocalQueue
from callsheet.queue.port import BATCH, PERSON, Job, QueueStoppedError


class Stage:
    """Runs that go on until they are let go; remembers which began, and how many at once."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self._gates: dict[str, asyncio.Event] = {}

    def gate(self, run: str) -> asyncio.Event:
        return self._gates.setdefault(run, asyncio.Event())

    async def advance(self, run: str) -> None:
        self.began.append(run)
        self.most = max(self.most, len(self.began) - len(self.ended))
        try:
            await self.gate(run).wait()
        finally:
            self.ended.append(run)


async def test_no_more_runs_than_told_are_under_way_and_all_are_carried_on() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 3)
    runs = [f"run-{number}" for number in range(10)]
    for run in runs:
        await queue.put(Job(run, BATCH))
    await asyncio.sleep(0)
    assert stage.began == runs[:3]
    for run in runs:
        stage.gate(run).set()
    await asyncio.gather(*map(queue.wait, runs))
    assert stage.began == runs
    assert stage.most == 3


async def test_what_a_person_waits_for_goes_before_a_batch() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 1)
    for job in (Job("at work", BATCH), Job("next", BATCH), Job("asked", PERSON)):
        stage.gate(job.run).set()
        await queue.put(job)
    await asyncio.gather(*map(queue.wait, ("at work", "next", "asked")))
    assert stage.began == ["at work", "asked", "next"]


async def test_a_run_in_hand_is_not_doubled_and_may_come_again_later() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 2)
    await queue.put(Job("run"))
    await queue.put(Job("run"))
    stage.gate("run").set()
    await queue.wait("run")
    assert stage.began == ["run"]
    await queue.put(Job("run"))
    await queue.wait("run")
    assert stage.began == ["run", "run"]


async def test_a_run_that_breaks_is_told_to_who_waits_and_the_others_go_on() -> None:
    async def advance(run: str) -> None:
        if run == "broken":
            raise RuntimeError("no")
        stage.ended.append(run)

    stage = Stage()
    queue = LocalQueue(advance, 1)
    await queue.put(Job("broken"))
    await queue.put(Job("whole"))
    with pytest.raises(RuntimeError):
        await queue.wait("broken")
    await queue.wait("whole")
    assert stage.ended == ["whole"]


async def test_who_gives_up_waiting_does_not_end_the_run() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 1)
    await queue.put(Job("run"))
    waiting = asyncio.create_task(queue.wait("run"))
    await asyncio.sleep(0)
    waiting.cancel()
    stage.gate("run").set()
    await queue.wait("run")
    assert stage.ended == ["run"]


async def test_a_stopped_queue_lets_what_is_under_way_end_and_begins_nothing_more() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 1)
    await queue.put(Job("under way"))
    await queue.put(Job("not begun"))
    await asyncio.sleep(0)
    waits = [asyncio.create_task(queue.wait(run)) for run in ("under way", "not begun")]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(queue.stop())
    await asyncio.sleep(0)
    stage.gate("under way").set()
    await stopping
    assert (stage.began, stage.ended) == (["under way"], ["under way"])
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], QueueStoppedError)
    with pytest.raises(QueueStoppedError):
        await queue.put(Job("late"))


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    stage = Stage()
    queue = LocalQueue(stage.advance, 1)
    await queue.put(Job("endless"))
    waiting = asyncio.create_task(queue.wait("endless"))
    await asyncio.sleep(0)
    await queue.stop(0)
    assert stage.ended == ["endless"]
    with pytest.raises(QueueStoppedError):
        await waiting
