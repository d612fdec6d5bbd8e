"""What was finished before a reply broke off is kept; resuming asks for the rest alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from callsheet.app.runs import Office, Wish
from callsheet.app.session import Session
from tests.support.loopback import Cut, Fault, Filtered, Status
from tests.support.places import Place
from tests.support.runs import IDEA, Desk, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI


def _models(server: StrictOpenAI, number: int) -> list[str]:
    schema = server.requests[number].json["response_format"]["json_schema"]["schema"]
    return list(schema["properties"]["prompts"]["properties"])


async def _whole(server: StrictOpenAI) -> tuple[dict[str, Any], int]:
    """The unharmed prompts, and where in the reply the second one begins."""
    document = await Desk.with_llm(client_of(server)).run(["sora", "leonardo"])
    server.requests.clear()
    prompts = prompts_of(document)
    text = json.dumps({"prompts": prompts})
    return prompts, text.index("LEONARDO") + 40


async def _broken_off(office: Office, server: StrictOpenAI, fault: Fault) -> Session:
    """A run of three prompts whose reply this fault cut short."""
    server.fail(fault)
    session = await office.start(Wish(brief={"idea": IDEA}, groups=["sora", "leonardo"]))
    await session.go_on()
    await session.close()
    return session


@pytest.mark.parametrize("broken", [Cut, Filtered], ids=["cut off", "filtered half way"])
@pytest.mark.workers
async def test_resume_asks_only_for_what_is_missing(
    place: Place, server: StrictOpenAI, broken: Any
) -> None:
    whole, middle = await _whole(server)
    office = place.office(server)
    session = await _broken_off(office, server, broken(middle))
    assert session.view.status == "failed"
    assert prompts_of(await office.show(session.view.run)) == {
        model: whole[model] for model in ("SORA_2_A", "SORA_1_A")
    }

    again = await office.resume(session.view.run, Wish())
    await again.go_on()
    assert again.view.status == "succeeded", again.view.error
    assert _models(server, 0) == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]
    assert _models(server, 1) == ["LEONARDO_ANIME_XL_A"]
    assert prompts_of(again.document()) == whole
    assert again.document()["usage"]["calls"] == 2


async def test_a_retry_with_more_groups_asks_only_for_what_is_missing(
    place: Place, server: StrictOpenAI
) -> None:
    whole, middle = await _whole(server)
    office = place.office(server)
    session = await _broken_off(office, server, Cut(middle))

    again = await office.retry(
        session.view.run, Wish(groups=["sora", "leonardo", "phoenix"]), "prompt_generation"
    )
    await again.go_on()
    assert again.view.status == "succeeded", again.view.error
    assert _models(server, 1) == ["PHOENIX_1_0_A", "LEONARDO_ANIME_XL_A"]
    assert prompts_of(again.document()).items() >= whole.items()


async def test_a_retry_with_another_idea_keeps_nothing_of_the_old_one(
    place: Place, server: StrictOpenAI
) -> None:
    _, middle = await _whole(server)
    office = place.office(server)
    session = await _broken_off(office, server, Cut(middle))

    brief = session.document()["brief"] | {"idea": "a fox"}
    wish = Wish(brief=brief, groups=["sora", "leonardo"])
    again = await office.retry(session.view.run, wish, "user_input")
    await again.go_on()
    assert _models(server, 1) == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]


@pytest.mark.workers
async def test_a_provider_that_names_a_time_parks_the_run_until_then(
    place: Place, server: StrictOpenAI
) -> None:
    office = place.office(server)
    server.fail(Status(429, headers={"Retry-After": "3600"}))
    session = await office.start(Wish(brief={"idea": IDEA}, groups=["sora"]))
    await session.go_on()
    await session.close()

    document = session.document()
    assert document["status"] == "waiting"
    assert "question" not in document
    assert 3500 < document["until"] - time.time() < 3700
    assert session.view.error is not None
    assert session.view.error.exit_code == 5

    # Nothing is sent before that time, however often it is resumed.
    again = await office.resume(session.view.run, Wish())
    await again.go_on()
    await again.close()
    assert again.view.status == "waiting"
    assert len(server.requests) == 1
