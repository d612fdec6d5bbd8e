"""An unusable reply fails the run with the reason; the run is stored and no key is printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.loopback import Cut, Empty, Filtered, Refusal, Status, Text
from tests.support.runs import InMemoryRuns, client_of
from tests.support.strict_openai import StrictOpenAI

KEY = "sk-canary-5b1f0c7e"
RUN = ("run", "--json", "--idea", "a heron at dawn", "--groups", "sora", "--llm", "openai:any")


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture
def writer(terminal: Terminal, server: StrictOpenAI) -> Terminal:
    """A terminal whose LLM is the loopback server."""
    terminal.env |= {"CALLSHEET_BASE_URL": server.url, "CALLSHEET_API_KEY": KEY}
    return terminal


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        ([Text("not JSON")] * 3, 1, "empty_response"),
        ([Text('{"prompts": {"SORA_2_A": 7}}')] * 3, 1, "output_invalid"),
        ([Cut(40)], 1, "output_truncated"),
        ([Refusal()], 1, "refused"),
        ([Filtered(60)], 1, "filtered"),
        ([Empty()] * 6, 1, "empty_response"),
        ([Status(401)], 5, "provider_auth"),
        ([Status(404)], 5, "llm_not_found"),
    ],
    ids=["not JSON", "breaks the schema", "cut off", "refused", "filtered",
         "empty", "key refused", "unknown LLM"],
)  # fmt: skip
def test_an_unusable_reply_is_never_a_success(
    writer: Terminal, server: StrictOpenAI, faults: list[Any], status: int, code: str
) -> None:
    server.fail(*faults)
    result = writer(*RUN)
    assert result.status == status, result.err
    assert result.json["status"] == "failed"
    assert result.json["error"]["code"] == code
    assert "Traceback" not in result.err
    assert f"callsheet resume {result.json['run']}" in result.err
    assert KEY not in result.out + result.err


@pytest.mark.parametrize(
    ("garbage", "shown"),
    [
        ("]]]] not JSON {{{{", "]]]] not JSON {{{{"),
        ("I would\nrather talk. " * 9, "I would rather talk. I would rather talk. I would"),
        ('{"herons": 3}', '{"herons": 3}'),
    ],
    ids=["brackets", "talk", "another object"],
)
async def test_garbage_is_reported_with_what_the_reply_held(
    server: StrictOpenAI, garbage: str, shown: str
) -> None:
    server.fail(*[Text(garbage)] * 3)
    document = await InMemoryRuns.with_llm(client_of(server)).run(["sora"])
    assert document["error"]["code"] == "empty_response"
    told = f"held none of the prompts that were asked for, but `{shown}"
    assert told in document["error"]["message"]


def test_a_reply_that_is_repaired_at_the_second_attempt_is_a_success(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.fail(Text("not JSON"))
    result = writer(*RUN)
    assert result.status == 0, result.err
    assert result.json["usage"]["calls"] == 2
    assert result.json["usage"]["repairs"] == 1
    findings = server.requests[1].json["messages"][-1]["content"]
    assert "prompts" in findings


def test_a_parked_run_exits_with_5_and_names_the_command_to_resume_it(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.fail(Status(429, headers={"Retry-After": "3600"}))
    result = writer(*RUN)
    assert result.status == 5, result.err
    assert result.json["status"] == "waiting"
    assert "until" in result.json
    assert f"to resume the run: callsheet resume {result.json['run']}" in result.err
    assert "waiting for an answer" not in result.err


def test_a_failed_run_is_resumed_without_paying_for_completed_work_again(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.fail(Status(401))
    failed = writer(*RUN)
    assert failed.status == 5
    done = writer("resume", failed.json["run"], "--json")
    assert done.status == 0, done.err
    assert list(done.json["prompts"]["image_generation"]) == ["SORA_2_A", "SORA_1_A"]
    assert len(server.requests) == 2


def test_only_the_key_for_your_own_server_is_sent_to_it(
    writer: Terminal, server: StrictOpenAI
) -> None:
    writer.env["OPENAI_API_KEY"] = "sk-for-openai-only"
    assert writer(*RUN).status == 0
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "sk-for-openai-only" not in str(headers)
