"""A batch in provider jobs over HTTP: executed in the background, stopped, and gone on with after a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from starlette.testclient import TestClient

from callsheet.batches import jobs as batch_jobs
from callsheet.settings import read_settings
from callsheet.web.access import AccessPolicy
from callsheet.web.app import build_app
from callsheet.web.server_state import ServerState
from tests.support.job_server import call_server
from tests.support.loopback import Answer
from tests.support.openai_jobs import OpenAIJobs

SHEET = {
    "sheet": "idea\n" + "".join(f"a lamp number {n} by the river\n" for n in range(3)),
    "title": "lamps",
    "groups": ["sora"],
    "llm": "openai:gpt-5.4-mini",
    "jobs": True,
}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        call_server(monkeypatch, "openai", server.url)
        monkeypatch.setenv("CALLSHEET_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(batch_jobs, "FIRST_POLL_SECONDS", 0.02)
        monkeypatch.setattr(batch_jobs, "LONGEST_POLL_SECONDS", 0.05)
        yield server


class Served:
    """A server on the home of the settings, until its context ends."""

    def __init__(self) -> None:
        self.state = ServerState(read_settings(), {"oms": "oms"})
        policy = AccessPolicy(frozenset(), "", "callsheet", None)
        self.client = TestClient(build_app(self.state, policy), base_url="http://127.0.0.1")

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        assert self.client.portal is not None
        self.client.portal.call(self.state.close, 5.0)
        self.client.__exit__(*error)

    def start(self) -> str:
        started = self.client.post("/api/batches", json=SHEET)
        assert started.status_code == 201, started.text
        return str(started.json()["batch"])

    def start_in_job(self) -> tuple[str, dict[str, Any]]:
        """A batch whose rows wait for a job at the provider, and its document then."""
        batch = self.start()
        return batch, self.until(batch, "running", "sent")

    def post(self, batch: str, verb: str, **body: str) -> httpx.Response:
        return self.client.post(f"/api/batches/{batch}/{verb}", json=body)

    def until(self, batch: str, status: str, *jobs: str, done: int | None = None) -> dict[str, Any]:
        """The batch's document, once its status is this, its jobs are in these states, and so many rows done."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            document: dict[str, Any] = self.client.get(f"/api/batches/{batch}").json()
            states = [each["state"] for each in document["jobs"]]
            ready = done in (None, document["rows"]["done"])
            if document["status"] == status and states == [*jobs] and ready:
                return document
            time.sleep(0.02)
        raise AssertionError(document)


def test_a_restarted_server_goes_on_with_a_batch_in_jobs_and_sends_nothing_twice(
    provider: OpenAIJobs,
) -> None:
    provider.hold = True
    with Served() as first:
        batch, waiting = first.start_in_job()
        assert (waiting["jobs"][0]["rows"], waiting["rows"]["waiting"]) == (3, 3)
        assert first.client.get("/api/health").is_success
    provider.hold = False
    with Served() as second:
        done = second.until(batch, "succeeded", "done")
        assert (done["rows"]["done"], done["rows"]["waiting"]) == (3, 0)
        assert done["usage"]["cost_usd"] == pytest.approx(provider.billed_usd, rel=0.01)
    assert (len(provider.creates), len(provider.bills)) == (1, 3)


def test_a_stopped_batch_leaves_its_job_and_waits_until_it_is_resumed(
    provider: OpenAIJobs,
) -> None:
    provider.hold = True
    with Served() as first:
        batch, _ = first.start_in_job()
        assert first.post(batch, "stop").is_success
        stopped = first.until(batch, "interrupted", "sent")
        assert stopped["rows"]["waiting"] == 3
        refused = first.client.delete(f"/api/batches/{batch}")
        assert (refused.status_code, "which is paid for" in refused.text) == (409, True)
    assert not [seen for seen in provider.requests if "cancel" in seen.path]
    provider.hold = False
    with Served() as second:
        second.until(batch, "interrupted", "sent")
        assert second.post(batch, "resume").is_success
        second.until(batch, "succeeded", "done")
        assert second.client.delete(f"/api/batches/{batch}").is_success
    assert len(provider.creates) == 1


def test_a_cancelled_batch_keeps_what_is_done_across_a_restart_and_goes_on_when_it_is_resumed(
    provider: OpenAIJobs,
) -> None:
    provider.hold = True
    with Served() as first:
        batch, _ = first.start_in_job()
        provider.fail_next("GET .*/batches/", Answer(500, provider.error(500, "hm")))
        assert first.post(batch, "cancel").is_success
    with Served() as second:
        cancelled = second.until(batch, "interrupted", "done", done=1)
        assert (cancelled["jobs"][0]["cancelled"], cancelled["rows"]["left"]) == (True, 2)
        assert (len(provider.creates), len(provider.bills)) == (1, 1)
        refused = second.post(batch, "cancel")
        assert (refused.status_code, "no job at the provider" in refused.text) == (409, True)
        provider.hold = False
        assert second.post(batch, "resume").is_success
        second.until(batch, "succeeded", "done", "done", done=3)
        assert len(provider.bills) == 3


def test_a_job_that_the_provider_may_not_have_is_sent_again_only_when_that_is_asked_for(
    provider: OpenAIJobs,
) -> None:
    provider.drop_after_create = True
    with Served() as server:
        batch = server.start()
        paused = server.until(batch, "paused", "sending")
        assert paused["error"]["code"] == "provider_job_uncertain"
        assert server.post(batch, "resend", job="nothing").status_code == 422
        assert len(provider.creates) == 1
        (job,) = paused["jobs"]
        assert server.post(batch, "resend", job=job["id"]).is_success
        server.until(batch, "succeeded", "done")
        assert len(provider.creates) == 2


def test_jobs_are_priced_at_half_and_refused_with_the_field_where_the_llm_has_none(
    provider: OpenAIJobs,
) -> None:
    with Served() as server:
        choices = ({"jobs": False}, {"jobs": True}, {"jobs": True, "repair": "job"})
        ordinary, half, all_half = (
            server.client.post("/api/sheets", json=SHEET | choice).json() for choice in choices
        )
        assert half["least_usd"] == pytest.approx(ordinary["least_usd"] / 2, rel=0.01)
        assert all_half["most_usd"] < half["most_usd"] < ordinary["most_usd"]
        for path in ("/api/sheets", "/api/batches"):
            refused = server.client.post(path, json=SHEET | {"llm": "offline"})
            assert refused.status_code == 422
            assert "takes no batch jobs" in refused.json()["detail"]
            assert refused.json()["problems"][0]["path"] == "$.jobs"
        listed = server.client.get("/api/llms").json()["llms"]
        flags = {each["spec"].partition(":")[0]: each["jobs"] for each in listed}
        assert (flags["openai"], flags["anthropic"], flags["google"]) == (True, True, True)
        assert not flags["offline"]
        assert not flags["ollama"]
    assert provider.creates == []
