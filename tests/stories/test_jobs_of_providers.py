"""A batch ends alike in the jobs of all providers, at the price that was predicted after its first rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.batches.estimate import estimate_batch
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.anthropic_jobs import AnthropicJobs
from tests.support.batches import SharedStore, ideas, without_cost, write_sheet
from tests.support.google_jobs import GoogleJobs
from tests.support.job_server import call_server
from tests.support.openai_jobs import OpenAIJobs
from tests.support.schema_writer import fill

Server = OpenAIJobs | AnthropicJobs | GoogleJobs

LLMS = {
    "openai": "openai:gpt-5.6-sol",
    "anthropic": "anthropic:claude-sonnet-5-5",
    "google": "google:gemini-3.8-flash",
}
KINDS: dict[str, type[Server]] = {
    "openai": OpenAIJobs,
    "anthropic": AnthropicJobs,
    "google": GoogleJobs,
}


@pytest.fixture(params=LLMS)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def server(provider: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with KINDS[provider]() as server:
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
    for _ in range(2):
        batch = await bench.write(sheet, tmp_path / "jobs.csv", **asked)
        assert (batch.progress.waiting, batch.progress.left, len(server.creates)) == (5, 5, 1)
    server.hold = False
    calls = len(server.requests)
    batch = await bench.write(sheet, tmp_path / "jobs.csv", **asked, wait=True)
    assert (batch.progress.done, len(server.creates), len(server.bills)) == (5, 1, 5)
    assert without_cost(tmp_path / "jobs.csv") == without_cost(tmp_path / "plain.csv")
    assert batch.progress.usage.cost_usd == pytest.approx(server.billed_usd, rel=0.01)
    assert [record.state for record in batch.jobs.records] == ["done"]
    assert server.deleted
    assert len(server.requests) == calls


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


async def test_after_the_first_rows_the_price_of_the_others_is_predicted_within_1_percent(
    bench: SharedStore, server: Server, provider: str, tmp_path: Path
) -> None:
    written = server.written

    def write(body: dict[str, Any], schema: Any) -> str:
        """Write replies as long as their ideas let them be, and every fourth one too short at first."""
        if "number 4" in str(body) and "last reply" not in str(body):
            return json.dumps(fill(schema, lambda *_: "too short"))
        return written(body, schema)

    server.written = write  # type: ignore[assignment, method-assign]
    varied = ["a heron", "a heron in late winter light that comes flat through bare trees", "fog"]
    rows = [{"idea": f"{varied[n % 3]}, number {n % 8}, take {n}"} for n in range(24)]
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    asked = {"llm": LLMS[provider], "jobs": True, "repair": "job"}
    first = await estimate_batch(bench.batch(sheet, **asked))
    assert (first.output_from, first.measured_rows, first.margin_usd) == ("schema", 0, None)
    assert first.cost_usd == first.least_usd
    await bench.execute(sheet, **asked, wait=True, limit=16)
    before = len(server.bills)
    rest = await estimate_batch(bench.batch(sheet, **asked))
    batch, _ = await bench.execute(sheet, **asked, wait=True)
    assert (batch.progress.done, batch.progress.repaired) == (24, 3)
    billed = server.bills[before:]
    assert rest.cost_usd == pytest.approx(sum(each.usd for each in billed), rel=0.01)
    assert rest.least_usd < rest.cost_usd < rest.most_usd
    assert (rest.output_from, rest.measured_rows) == ("history", 16)
    assert rest.margin_usd > 0
    # A tokenizer that is not public is measured, too.
    assert rest.input_tokens == pytest.approx(sum(each.sent for each in billed[:8]), rel=0.001)
