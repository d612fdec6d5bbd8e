"""A batch in provider jobs ends as an ordinary one does, at the price of a job, and buys nothing twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.llm.providers import PROVIDERS
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.openai_jobs import OpenAIJobs
from tests.support.self_killing_jobs import STEPS

JOBS = {"llm": "openai:gpt-5.4-mini", "jobs": True}

OTHERWISE = ("cost_usd", "tokens", "run")
"""The columns of the output in which a batch in jobs may differ from an ordinary one."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        monkeypatch.setitem(PROVIDERS, "openai", replace(PROVIDERS["openai"], url=server.url))
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setattr(batch_jobs, "FIRST_POLL_SECONDS", 0.01)
        yield server


@pytest.fixture
def bench(server: OpenAIJobs) -> SharedStore:
    return SharedStore(SqlStore.in_memory(), settings=read_settings())


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return write_sheet(tmp_path / "ideas.csv", ideas(12))


def chats(server: OpenAIJobs) -> list[Any]:
    """The ordinary calls."""
    return [seen for seen in server.requests if "chat" in seen.path]


def without_cost(path: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in OTHERWISE} for row in read_csv(path)]


async def test_the_same_command_sends_a_job_and_later_reads_it(
    bench: SharedStore, server: OpenAIJobs, sheet: Path, tmp_path: Path
) -> None:
    server.hold = True
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS)
    assert (batch.progress.left, batch.progress.waiting, len(server.creates)) == (12, 12, 1)
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS)
    assert (batch.progress.waiting, len(server.creates)) == (12, 1)

    server.hold = False
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS)
    assert (batch.progress.done, batch.progress.left) == (12, 0)
    assert len(server.creates) == 1
    assert batch.progress.usage.cost_usd == pytest.approx(server.billed_usd, rel=0.01)
    assert [record.state for record in batch.jobs.records] == ["done"]
    assert server.deleted
    assert not chats(server)


def _carry_out_until_killed(folder: Path, server: OpenAIJobs) -> None:
    for step in STEPS:
        (folder / step).mkdir()
    words = [str(folder), "openai", str(JOBS["llm"]), server.url, *STEPS]
    child = [sys.executable, "-m", "tests.support.self_killing_jobs", *words]
    subprocess.run(child, check=True, env={**os.environ})


async def test_a_process_that_is_killed_at_any_step_buys_nothing_twice(
    bench: SharedStore,
    server: OpenAIJobs,
    sheet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch_jobs, "LIST_SECONDS", 0.0)
    await bench.write(sheet, tmp_path / "plain.csv", llm=JOBS["llm"])
    await asyncio.to_thread(_carry_out_until_killed, tmp_path, server)
    for step in STEPS:
        output = tmp_path / f"{step}.csv"
        settled = SharedStore(SqlStore(tmp_path / step / "runs.sqlite"), settings=bench.settings)
        batch = await settled.write(sheet, output, **JOBS, wait=True)
        assert batch.progress.done == 12, step
        assert without_cost(output) == without_cost(tmp_path / "plain.csv"), step
        costs = {round(float(row["cost_usd"]), 8) for row in read_csv(output)}
        assert costs <= {round(each.usd, 8) for each in server.bills}, step
        assert all(record.state == "done" for record in batch.jobs.records)
        settled.store.close()
    assert len(server.creates) == len(set(server.creates)) == len(STEPS)
    assert len(server.bills) == 12 * len(STEPS)
