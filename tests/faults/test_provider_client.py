"""How the client behaves: which mode it speaks, what leaves it, and whose key goes where."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from callsheet import errors
from callsheet.llm.output_limit import THINKING_ROOM
from callsheet.llm.port import Reply
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.schema_adapter import longest_reply
from tests.support.anthropic_server import AnthropicServer
from tests.support.loopback import Cut, ReceivedRequest, Status, Text
from tests.support.providers import CANARY, REQUEST, SCHEMA, SHAPES, SYSTEM, USER, client, serving
from tests.support.strict_openai import Conduct, StrictOpenAI


@pytest.mark.parametrize(
    ("refused", "used"),
    [
        ((), ["response_format"]),
        (("response_format",), ["response_format", "tools"]),
        (("response_format", "tools"), ["response_format", "tools", "neither"]),
    ],
)
async def test_a_refused_mode_gives_way_and_the_accepted_one_is_remembered(
    refused: tuple[str, ...], used: list[str]
) -> None:
    with StrictOpenAI(Conduct(refuse=refused)) as server:
        llm = client(server)
        replies = [await llm.compose(REQUEST) for _ in range(2)]

    assert [list(json.loads(reply.text)) for reply in replies] == [["ZED", "SORA"]] * 2
    assert [_mode(seen) for seen in server.requests] == [*used, used[-1]]


def _mode(seen: ReceivedRequest) -> str:
    return next((name for name in ("response_format", "tools") if name in seen.json), "neither")


async def test_one_tool_is_forced_in_tool_mode_and_a_cut_call_is_truncated() -> None:
    conduct = Conduct(refuse=("response_format",))

    with StrictOpenAI(conduct, [Text("unused"), Cut(25)]) as server:
        reply = await client(server).compose(REQUEST)

    assert reply.finish == "length"
    assert reply.text == '{"ZED": "A woman reads by'
    assert server.requests[1].json["tool_choice"] == "required"
    assert len(server.requests[1].json["tools"]) == 1


async def test_a_request_refused_in_every_mode_is_told_in_the_providers_words() -> None:
    refusal = Status(400, {"error": {"message": "no schema of any kind"}})

    with (
        serving("openai", *[refusal] * 8) as server,
        pytest.raises(errors.RequestRejectedError, match="no schema of any kind"),
    ):
        await client(server).compose(REQUEST)

    assert len(server.requests) == 3


async def test_an_older_llm_without_native_output_is_asked_by_tool_at_once() -> None:
    with AnthropicServer() as server:
        llm = replace(client(server, "anthropic"), name="claude-3-haiku-20240307")
        reply = await llm.compose(REQUEST)

    assert list(json.loads(reply.text)) == ["ZED", "SORA"]
    assert [_mode(seen) for seen in server.requests] == ["tools"]


@pytest.mark.parametrize("provider", SHAPES)
async def test_only_what_was_asked_for_leaves(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI"):
        monkeypatch.setenv(f"{name}_API_KEY", f"foreign-{name}")
    monkeypatch.setenv("OPENAI_ORG_ID", "foreign-org")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Foreign: foreign\nAuthorization: foreign")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Foreign: foreign")

    with serving(provider) as server:
        await client(server, provider).compose(REQUEST)

    (seen,) = server.requests
    sent = json.dumps([dict(seen.headers), seen.json])
    assert "foreign" not in sent
    assert sent.count(CANARY) == 1
    assert seen.headers["user-agent"] == "callsheet"


async def test_a_server_without_a_key_is_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "foreign")

    with StrictOpenAI() as server:
        await ProviderLLM("openai", "qwen3", base_url=server.url).compose(REQUEST)

    assert "authorization" not in server.requests[0].headers


async def test_instructions_and_message_are_sent_as_they_are() -> None:
    with serving("openai") as server:
        await client(server).compose(REQUEST)

    body = server.requests[0].json
    assert [message["content"] for message in body["messages"]] == [SYSTEM, USER]
    assert body["max_tokens"] == THINKING_ROOM + longest_reply(SCHEMA)
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert list(form["schema"]["properties"]) == ["ZED", "SORA"]


async def test_a_price_is_known_where_the_address_has_price_lists() -> None:
    with StrictOpenAI(Conduct(cached_tokens=50)) as server:
        llm = client(server)
        unpriced = await llm.compose(REQUEST)
        assert llm._client is not None
        llm._client = replace(llm._client, rates={"provider_id": "openai"})
        priced = await llm.compose(REQUEST)

    assert unpriced.usage.cost_usd is None
    assert priced.usage.cost_usd is not None
    assert priced.usage.cost_usd > 0
    assert priced.usage.cached_input_tokens == 50


async def test_many_may_ask_at_once() -> None:
    with serving("openai") as server:
        llm = client(server)
        replies = await asyncio.gather(*(llm.compose(REQUEST) for _ in range(20)))

    assert len({reply.text for reply in replies}) == 1
    assert len(server.requests) == 20


def test_an_llm_can_be_asked_from_one_event_loop_after_another() -> None:
    def ask(llm: ProviderLLM) -> Reply:
        return asyncio.run(llm.compose(REQUEST))

    with serving("openai") as server:
        llm = client(server)
        first, second = ask(llm), ask(llm)

    assert first == second
