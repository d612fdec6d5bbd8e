"""Batch jobs of OpenAI, over HTTP through the real client library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet.llm.jobs import JobResult, ProviderJobs, open_jobs
from callsheet.llm.port import Reply
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.providers import PROVIDERS, Key
from tests.support.openai_jobs import OpenAIJobs
from tests.support.providers import CANARY, REQUEST

JOB = "b7f20a1c"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        monkeypatch.setitem(PROVIDERS, "openai", replace(PROVIDERS["openai"], url=server.url))
        yield server


def jobs(name: str = "gpt-5.4-mini") -> ProviderJobs:
    return open_jobs(ProviderLLM("openai", name, key=Key("OPENAI_API_KEY", CANARY)))


async def _file(jobs: ProviderJobs, folder: Path, rows: int = 4, job: str = JOB) -> Path:
    lines = [
        await jobs.line(replace(REQUEST, user=f"{REQUEST.user}, take {n}"), f"{job}-{n:04}")
        for n in range(rows)
    ]
    path = folder / f"{job}.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


async def _results(jobs: ProviderJobs, provider_id: str) -> dict[str, JobResult]:
    return {each.custom_id: each async for each in jobs.results(provider_id)}


async def test_a_job_is_sent_and_its_rows_come_back(server: OpenAIJobs, tmp_path: Path) -> None:
    sender = jobs()
    sent = await sender.create(JOB, await _file(sender, tmp_path), 4)
    other = jobs()
    assert (await other.status(sent)).state == "ended"
    found = await _results(other, sent)
    assert sorted(found) == [f"{JOB}-{n:04}" for n in range(4)]
    for each in found.values():
        assert isinstance(each.outcome, Reply), each.outcome.error
        assert json.loads(each.outcome.text).keys() == {"ZED", "SORA"}
        assert each.outcome.tier == "batch"
        assert each.outcome.finish == "stop"
    costs = [each.outcome.usage.cost_usd for each in found.values()]
    assert sum(costs) == pytest.approx(server.billed_usd, rel=1e-9)
    assert server.creates == [JOB]
