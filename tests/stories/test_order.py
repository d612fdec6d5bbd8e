"""What is sent stands in one order: what never changes first, the idea last, so that caches can hit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.loopback import Loopback
from tests.support.providers import SHAPES, client, serving

HERON, TRAM = "a heron at dawn, mist on the water", "the last tram in the snow"
GROUPS = ("stable_diffusion", "sora", "leonardo", "motion_2_0")


@pytest.fixture(params=[*SHAPES])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def _sent(provider: str, idea: str, *groups: str) -> list[str]:
    """The body of each request of a run, in the order of its keys."""
    server: Loopback = serving(provider)
    with server:
        llm = client(server, provider)
        service = RunService(read_settings(), store=SqlStore.in_memory(), llm=llm)
        session = await service.start(
            RunOptions(brief={"idea": idea}, groups=groups, accept_defaults=True)
        )
        await session.advance()
        assert session.view.status == "succeeded", session.view.error
        return [json.dumps(seen.json, ensure_ascii=False) for seen in server.requests]


def _texts(value: Any) -> list[str]:
    """Every text in a body, as a reader meets them."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


async def test_groups_named_in_another_order_give_the_same_bytes(provider: str) -> None:
    one = await _sent(provider, HERON, *GROUPS)
    other = await _sent(provider, HERON, *reversed(GROUPS))
    assert len(one) == 2
    assert one == other


async def test_two_ideas_share_everything_but_the_idea(provider: str) -> None:
    heron, tram = [await _sent(provider, idea, *GROUPS[:3]) for idea in (HERON, TRAM)]
    assert heron[0] != tram[0]
    assert heron[0].replace(HERON, TRAM) == tram[0]


async def test_the_idea_is_the_end_of_the_message(provider: str) -> None:
    heron, tram = [await _sent(provider, idea, *GROUPS[:3]) for idea in (HERON, TRAM)]
    ours, theirs = (_texts(json.loads(sent[0])) for sent in (heron, tram))
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    [(message, other)] = differing
    shared = message.removesuffix(HERON)
    assert len(shared) > 200
    assert (message, other) == (shared + HERON, shared + TRAM)


async def test_the_instructions_start_with_the_shared_part_and_follow_the_order_of_the_config() -> (
    None
):
    [sent] = await _sent("openai", HERON, "stable_diffusion", "leonardo", "sora")
    system, user = (message["content"] for message in json.loads(sent)["messages"])
    [alone] = await _sent("openai", HERON, "sora")
    sora = json.loads(alone)["messages"][0]["content"]
    assert system.startswith(sora)
    assert system.index("SORA_2_A") < system.index("LEONARDO_ANIME_XL_A") < system.index("SD_A")
    assert user.endswith(HERON)
