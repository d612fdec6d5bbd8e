"""Advances runs in this process, a bounded number of them at once."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from collections.abc import Awaitable, Callable

from callsheet.errors import CallsheetError

Advance = Callable[[str], Awaitable[None]]
"""Executes the run of this name until it ends or a person must answer. It is idempotent."""

_M_ARENA_MAX = -8
"""The number of glibc's option; other C libraries have none like it."""


class PoolStoppedError(CallsheetError):
    """The pool accepts no more runs; those it did not start are stored and can be added again."""

    code = "queue_stopped"


class RunPool:
    """Advances at most `concurrency` runs at once, in the order in which they were added.

    A pool knows runs by name only. That a run is never advanced twice at once, and that no crash
    loses anything, is ensured by the store's leases and events: a run may be added twice.
    """

    def __init__(self, advance: Advance, concurrency: int) -> None:
        self._advance = advance
        self.concurrency = concurrency
        self._waiting: deque[str] = deque()
        self._ends: dict[str, asyncio.Future[None]] = {}
        self._active: set[asyncio.Task[None]] = set()
        self._stopped = False

    def add(self, run: str) -> None:
        """Adds a run; raises PoolStoppedError. A run that is in the pool already is not doubled."""
        if self._stopped:
            raise PoolStoppedError("the pool accepts no more runs")
        if run in self._ends:
            return
        self._ends[run] = asyncio.get_running_loop().create_future()
        self._waiting.append(run)
        self._start_waiting()

    def is_waiting(self, run: str) -> bool:
        """Whether a run was added and is not advanced yet."""
        return run in self._waiting

    async def wait(self, run: str) -> None:
        """Returns when a run has been advanced as far as possible; at once if it is not here.

        Raises what `advance` raised, and PoolStoppedError where the pool was stopped before it
        came to the run.
        """
        if (end := self._ends.get(run)) is not None:
            # Several may wait for one run; cancelling one of them must not end it.
            await asyncio.shield(end)

    async def stop(self, seconds: float = 10.0) -> None:
        """Starts nothing more; active runs have this many seconds to end, then are cancelled."""
        self._stopped = True
        while self._waiting:
            run = self._waiting.popleft()
            self._finish(run, PoolStoppedError(f"{run} was not started"))
        if not self._active:
            return
        _, late = await asyncio.wait(self._active, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _start_waiting(self) -> None:
        while self._waiting and len(self._active) < self.concurrency:
            run = self._waiting.popleft()
            # `advance` may be any awaitable; a task wants a coroutine.
            task = asyncio.create_task(self._run(run), name=run)
            self._active.add(task)
            task.add_done_callback(self._done)

    async def _run(self, run: str) -> None:
        await self._advance(run)

    def _done(self, task: asyncio.Task[None]) -> None:
        run = task.get_name()
        self._active.discard(task)
        if task.cancelled():
            self._finish(run, PoolStoppedError(f"{run} was cancelled before its end"))
        else:
            self._finish(run, task.exception())
        self._start_waiting()

    def _finish(self, run: str, failure: BaseException | None) -> None:
        end = self._ends.pop(run)
        if failure is None:
            end.set_result(None)
            return
        end.set_exception(failure)
        # Where nobody waits for the run, its journal tells what happened; asyncio must not warn.
        end.exception()


def tune_interpreter() -> None:
    """Tune garbage collector, thread switches and allocator of a process that runs a pool."""
    # A call creates thousands of short-lived objects; searching them for cycles after every few
    # hundred takes a tenth of a run's time.
    gc.set_threshold(50_000, 20, 100)
    # A commit's thread returns from disk to a busy processor and must get the GIL at once.
    sys.setswitchinterval(0.0005)
    _share_one_arena()


def _share_one_arena() -> None:
    """Let all threads allocate memory from one arena, where the C library has several."""
    if not sys.platform.startswith("linux"):
        return
    # The client libraries are imported by a thread, and each thread keeps what it frees: that takes
    # 20 MB for nothing, as only one thread at a time runs Python.
    import ctypes

    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
