"""What was finished before a reply broke off is kept; resuming asks for the rest alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import RunSession
from tests.support.loopback import Cut, Fault, Filtered, Status
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI


def _models(server: StrictOpenAI, number: int) -> list[str]:
    schema = server.requests[number].json["response_format"]["json_schema"]["schema"]
    return list(schema["properties"]["prompts"]["properties"])


async def _whole(server: StrictOpenAI) -> tuple[dict[str, Any], int]:
    """The unharmed prompts, and where in the reply the second one begins."""
    document = await InMemoryRuns.with_llm(client_of(server)).run(["sora", "leonardo"])
    server.requests.clear()
    prompts = prompts_of(document)
    text = json.dumps({"prompts": prompts})
    return prompts, text.index("LEONARDO") + 40


async def _broken_off(service: RunService, server: StrictOpenAI, fault: Fault) -> RunSession:
    """A run of three prompts whose reply this fault cut short."""
    server.fail(fault)
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=["sora", "leonardo"]))
    await session.advance()
    await session.close()
    return session


@pytest.mark.parametrize("broken", [Cut, Filtered], ids=["cut off", "filtered half way"])
@pytest.mark.workers
async def test_resume_requests_only_missing_prompts(
    place: RunBackend, server: StrictOpenAI, broken: Any
) -> None:
    whole, middle = await _whole(server)
    service = place.service(server)
    session = await _broken_off(service, server, broken(middle))
    assert session.view.status == "failed"
    assert prompts_of(await service.show(session.view.run)) == {
        model: whole[model] for model in ("SORA_2_A", "SORA_1_A")
    }

    again = await service.resume(session.view.run, RunOptions())
    await again.advance()
    assert again.view.status == "succeeded", again.view.error
    assert _models(server, 0) == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]
    assert _models(server, 1) == ["LEONARDO_ANIME_XL_A"]
    assert prompts_of(again.document()) == whole
    assert again.document()["usage"]["calls"] == 2


async def test_a_retry_with_more_groups_requests_only_the_missing_prompts(
    place: RunBackend, server: StrictOpenAI
) -> None:
    whole, middle = await _whole(server)
    service = place.service(server)
    session = await _broken_off(service, server, Cut(middle))

    again = await service.retry(
        session.view.run, RunOptions(groups=["sora", "leonardo", "phoenix"]), "prompt_generation"
    )
    await again.advance()
    assert again.view.status == "succeeded", again.view.error
    assert _models(server, 1) == ["PHOENIX_1_0_A", "LEONARDO_ANIME_XL_A"]
    assert prompts_of(again.document()).items() >= whole.items()


async def test_a_retry_with_another_idea_keeps_nothing_of_the_old_one(
    place: RunBackend, server: StrictOpenAI
) -> None:
    _, middle = await _whole(server)
    service = place.service(server)
    session = await _broken_off(service, server, Cut(middle))

    brief = session.document()["brief"] | {"idea": "a fox"}
    options = RunOptions(brief=brief, groups=["sora", "leonardo"])
    again = await service.retry(session.view.run, options, "user_input")
    await again.advance()
    assert _models(server, 1) == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]


@pytest.mark.workers
async def test_a_provider_that_names_a_time_parks_the_run_until_then(
    place: RunBackend, server: StrictOpenAI
) -> None:
    service = place.service(server)
    server.fail(Status(429, headers={"Retry-After": "3600"}))
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=["sora"]))
    await session.advance()
    await session.close()

    document = session.document()
    assert document["status"] == "waiting"
    assert "question" not in document
    assert 3500 < document["until"] - time.time() < 3700
    assert session.view.error is not None
    assert session.view.error.exit_code == 5

    # Nothing is sent before that time, however often it is resumed.
    again = await service.resume(session.view.run, RunOptions())
    await again.advance()
    await again.close()
    assert again.view.status == "waiting"
    assert len(server.requests) == 1
