"""A process that is killed at any step of a batch in provider jobs buys nothing twice, at any of the three providers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.anthropic_jobs import AnthropicJobs
from tests.support.batches import SharedStore, ideas, read_csv, without_cost, write_sheet
from tests.support.google_jobs import GoogleJobs
from tests.support.job_server import call_server
from tests.support.openai_jobs import OpenAIJobs
from tests.support.self_killing_jobs import STEPS

Server = OpenAIJobs | AnthropicJobs | GoogleJobs

ROWS = 12
KINDS: dict[str, type[Server]] = {
    "openai:gpt-5.4-mini": OpenAIJobs,
    "anthropic:claude-sonnet-5-5": AnthropicJobs,
    "google:gemini-3.8-flash": GoogleJobs,
}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        found = {llm: stack.enter_context(kind()) for llm, kind in KINDS.items()}
        for llm, server in found.items():
            call_server(monkeypatch, llm.partition(":")[0], server.url)
        monkeypatch.setattr(batch_jobs, "LIST_SECONDS", 0.0)
        yield found


def _carry_out_until_killed(folder: Path, servers: dict[str, Server]) -> None:
    words = [w for llm, each in servers.items() for w in (llm.partition(":")[0], llm, each.url)]
    child = [sys.executable, "-m", "tests.support.self_killing_jobs", str(folder), *words]
    (folder / "temporary").mkdir()
    subprocess.run(child, check=True, env={**os.environ, "TMPDIR": str(folder / "temporary")})
    assert not list((folder / "temporary").iterdir())


async def test_a_process_that_is_killed_at_any_step_buys_nothing_twice_and_leaves_no_file(
    servers: dict[str, Server], tmp_path: Path
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(ROWS))
    await asyncio.to_thread(_carry_out_until_killed, tmp_path, servers)
    # The doubles write alike, so one ordinary batch shows what all outputs are to be.
    plain = SharedStore(SqlStore.in_memory(), settings=read_settings())
    await plain.write(sheet, tmp_path / "plain.csv", llm=next(iter(servers)))
    for llm, server in servers.items():
        for step in STEPS:
            await _give_again(server, llm, step, tmp_path)
        assert len(server.creates) == len(set(server.creates)) == len(STEPS)
        assert len(server.bills) == ROWS * len(STEPS)


async def _give_again(server: Server, llm: str, step: str, folder: Path) -> None:
    """Give the command again that was killed at this step, and compare its output with that of an ordinary one."""
    killed, output = f"{llm}, {step}", folder / "jobs.csv"
    store = SqlStore(folder / llm.partition(":")[0] / step / "runs.sqlite")
    bench = SharedStore(store, settings=read_settings())
    async with asyncio.timeout(60):
        batch = await bench.write(folder / "ideas.csv", output, llm=llm, jobs=True, wait=True)
    store.close()
    assert batch.progress.done == ROWS, killed
    assert without_cost(output) == without_cost(folder / "plain.csv"), killed
    costs = {round(float(row["cost_usd"]), 8) for row in read_csv(output)}
    assert costs <= {round(each.usd, 8) for each in server.bills}, killed
    assert all(record.state == "done" for record in batch.jobs.records), killed
