"""A queue without a server: runs are carried on in this process, in one event loop."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import TYPE_CHECKING

from callsheet.queue.port import QueueStoppedError

if TYPE_CHECKING:
    from callsheet.queue.port import Advance, Job


class LocalQueue:
    """Carries at most `concurrency` runs on at once; equally urgent ones as they came."""

    def __init__(self, advance: Advance, concurrency: int) -> None:
        self._advance = advance
        self._concurrency = concurrency
        self._waiting: list[tuple[int, int, str]] = []
        self._ends: dict[str, asyncio.Future[None]] = {}
        self._at_work: set[asyncio.Task[None]] = set()
        self._places = count()
        self._stopped = False

    async def put(self, job: Job) -> None:
        if self._stopped:
            raise QueueStoppedError("the queue takes nothing more")
        if job.run in self._ends:
            return
        self._ends[job.run] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (job.priority, next(self._places), job.run))
        self._begin()

    async def wait(self, run: str) -> None:
        if (end := self._ends.get(run)) is not None:
            # Several may wait for one run; who is cancelled while waiting does not end it.
            await asyncio.shield(end)

    async def stop(self, seconds: float = 10.0) -> None:
        self._stopped = True
        waiting, self._waiting = self._waiting, []
        for _, _, run in waiting:
            self._ended(run, QueueStoppedError(f"{run} was not begun"))
        if not self._at_work:
            return
        _, late = await asyncio.wait(self._at_work, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _begin(self) -> None:
        """Begins what is most urgent while there is room."""
        while self._waiting and len(self._at_work) < self._concurrency:
            _, _, run = heapq.heappop(self._waiting)
            # An awaitable of any make will do as `advance`; a task wants a coroutine.
            task = asyncio.create_task(self._carry(run), name=run)
            self._at_work.add(task)
            task.add_done_callback(self._done)

    async def _carry(self, run: str) -> None:
        await self._advance(run)

    def _done(self, task: asyncio.Task[None]) -> None:
        run = task.get_name()
        self._at_work.discard(task)
        if task.cancelled():
            self._ended(run, QueueStoppedError(f"{run} was not carried to its end"))
        else:
            self._ended(run, task.exception())
        self._begin()

    def _ended(self, run: str, failure: BaseException | None) -> None:
        end = self._ends.pop(run)
        if failure is None:
            end.set_result(None)
            return
        end.set_exception(failure)
        # Where nobody waits for the run, its journal tells what happened.
        end.exception()
