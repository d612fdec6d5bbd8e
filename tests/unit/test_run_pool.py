"""The pool of one process: a bounded number of runs at once, in order, and a clean end."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys

import pytest

from callsheet.runs.run_pool import PoolStoppedError, RunPool


class Gates:
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


async def test_concurrency_is_limited_and_every_run_is_executed() -> None:
    gates = Gates()
    pool = RunPool(gates.advance, 3)
    runs = [f"run-{number}" for number in range(10)]
    for run in runs:
        pool.add(run)
    await asyncio.sleep(0)
    assert gates.began == runs[:3]
    for run in runs:
        gates.gate(run).set()
    await asyncio.gather(*map(pool.wait, runs))
    assert gates.began == runs
    assert gates.most == 3


async def test_an_active_run_is_not_added_twice_and_may_be_added_again_later() -> None:
    gates = Gates()
    pool = RunPool(gates.advance, 2)
    pool.add("run")
    pool.add("run")
    gates.gate("run").set()
    await pool.wait("run")
    assert gates.began == ["run"]
    pool.add("run")
    await pool.wait("run")
    assert gates.began == ["run", "run"]


async def test_an_exception_in_a_run_is_raised_for_its_waiter_and_other_runs_continue() -> None:
    async def advance(run: str) -> None:
        if run == "broken":
            raise RuntimeError("no")
        gates.ended.append(run)

    gates = Gates()
    pool = RunPool(advance, 1)
    pool.add("broken")
    pool.add("whole")
    with pytest.raises(RuntimeError):
        await pool.wait("broken")
    await pool.wait("whole")
    assert gates.ended == ["whole"]


async def test_who_gives_up_waiting_does_not_end_the_run() -> None:
    gates = Gates()
    pool = RunPool(gates.advance, 1)
    pool.add("run")
    waiting = asyncio.create_task(pool.wait("run"))
    await asyncio.sleep(0)
    waiting.cancel()
    gates.gate("run").set()
    await pool.wait("run")
    assert gates.ended == ["run"]


async def test_a_stopped_pool_finishes_active_runs_and_starts_no_more() -> None:
    gates = Gates()
    pool = RunPool(gates.advance, 1)
    pool.add("under way")
    pool.add("not begun")
    await asyncio.sleep(0)
    waits = [asyncio.create_task(pool.wait(run)) for run in ("under way", "not begun")]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(pool.stop())
    await asyncio.sleep(0)
    gates.gate("under way").set()
    await stopping
    assert (gates.began, gates.ended) == (["under way"], ["under way"])
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], PoolStoppedError)
    with pytest.raises(PoolStoppedError):
        pool.add("late")


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    gates = Gates()
    pool = RunPool(gates.advance, 1)
    pool.add("endless")
    waiting = asyncio.create_task(pool.wait("endless"))
    await asyncio.sleep(0)
    await pool.stop(0)
    assert gates.ended == ["endless"]
    with pytest.raises(PoolStoppedError):
        await waiting


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no arenas")
def test_the_threads_of_a_tuned_process_allocate_from_one_arena() -> None:
    program = (
        "import ctypes, sys, threading\n"
        "from callsheet.runs.run_pool import tune_interpreter\n"
        "tune_interpreter()\n"
        "barrier = threading.Barrier(4)\n"
        "def use():\n"
        "    kept = bytes(100_000)\n"
        "    barrier.wait()\n"
        "threads = [threading.Thread(target=use) for _ in range(4)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc_stats()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.count("Arena ") == 1, done.stderr
