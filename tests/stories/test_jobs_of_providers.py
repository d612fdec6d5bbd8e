"""A batch ends alike in the jobs of Anthropic and Google, also where nobody knows whether a job was created."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.anthropic_jobs import AnthropicJobs
from tests.support.batches import SharedStore, ideas, without_cost, write_sheet
from tests.support.google_jobs import GoogleJobs
from tests.support.job_server import call_server

Server = AnthropicJobs | GoogleJobs

LLMS = {"anthropic": "anthropic:claude-sonnet-5-5", "google": "google:gemini-3.8-flash"}


@pytest.fixture(params=LLMS)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def server(provider: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made: Server = AnthropicJobs() if provider == "anthropic" else GoogleJobs()
    with made as server:
        call_server(monkeypatch, provider, server.url)
        yield server


@pytest.fixture
def bench(server: Server) -> SharedStore:
    return SharedStore(SqlStore.in_memory(), settings=read_settings())


async def test_a_batch_in_jobs_ends_as_an_ordinary_one_at_the_price_of_a_job(
    bench: SharedStore, server: Server, provider: str, tmp_path: Path
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(5))
    plain = SharedStore(SqlStore.in_memory(), settings=bench.settings)
    await plain.write(sheet, tmp_path / "plain.csv", llm=LLMS[provider])
    asked = {"llm": LLMS[provider], "jobs": True}
    server.hold = True
    batch = await bench.write(sheet, tmp_path / "jobs.csv", **asked)
    assert (batch.progress.waiting, len(server.creates)) == (5, 1)
    server.hold = False
    batch = await bench.write(sheet, tmp_path / "jobs.csv", **asked, wait=True)
    assert (batch.progress.done, len(server.creates), len(server.bills)) == (5, 1, 5)
    assert without_cost(tmp_path / "jobs.csv") == without_cost(tmp_path / "plain.csv")
    assert batch.progress.usage.cost_usd == pytest.approx(server.billed_usd, rel=0.01)
    assert server.deleted


async def test_a_job_whose_creation_was_not_answered_is_found_and_not_sent_again(
    bench: SharedStore,
    server: Server,
    provider: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch_jobs, "LIST_SECONDS", 0.0)
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(3))
    asked = {"llm": LLMS[provider], "jobs": True}
    server.hold = server.drop_after_create = True
    batch, _ = await bench.execute(sheet, **asked)
    assert "nobody knows" in str(batch.paused_by)

    # While it runs, Anthropic shows its size only: it may be ours, so its rows wait.
    known_as = "sending" if provider == "anthropic" else "sent"
    for _ in range(2):
        batch, _ = await bench.execute(sheet, **asked)
        assert [record.state for record in batch.jobs.live] == [known_as]
        assert (batch.progress.waiting, batch.progress.left, len(server.creates)) == (3, 3, 1)

    server.hold = False
    for job in server.jobs.values():
        server.look(job)
    batch, _ = await bench.execute(sheet, **asked, wait=True)
    assert (batch.progress.done, len(server.creates), len(server.bills)) == (3, 1, 3)
