"""The soak of `benchmarks/soak` in a few seconds: nothing is lost or doubled, and growth is noticed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.soak.__main__ import Result, Sample, soak, table
from benchmarks.soak.workload import Counts


async def test_a_short_soak_with_kills_loses_doubles_and_damages_nothing(tmp_path: Path) -> None:
    # Drafts, because each process needs seconds to import the client; batches are killed elsewhere.
    result = await soak(0.04, tmp_path, llm="offline", rows=8, kills=0, pause=0.1)
    assert not [text for text, kept in result.whole if not kept], result.counts.faults
    assert result.counts.servers_killed
    assert result.counts.rows
    assert result.counts.reconnects
    assert len(table(result.samples).splitlines()) > 3


def _result(memory: float, runs: int, **counts: int) -> Result:
    samples = [Sample(n, 100 + memory * n, 30, 4, 10 * n, 0.2 * n) for n in range(1, 101)]
    return Result(samples, Counts(runs=runs, **counts), runs, 0, "ok")


def test_growth_and_calls_that_were_paid_twice_are_noticed() -> None:
    assert all(kept for _, kept in (*_result(0, 5).steady, *_result(0, 5).whole))
    assert [kept for _, kept in _result(1, 5).steady] == [False, True, True, True]
    paid_twice = Result(_result(0, 5).samples, Counts(runs=5), 6, 0, "ok")
    assert [kept for _, kept in paid_twice.whole] == [True, False, True, True]
    damaged = Result(_result(0, 5).samples, Counts(runs=5, faults=["lost"]), 5, 1, "page 2")
    assert [kept for _, kept in damaged.whole] == [False, True, False, False]
