"""Providers fail; callsheet does not. Each fault is done on the wire, each request counted there."""

from __future__ import annotations

import asyncio
import json
import traceback
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from callsheet import errors
from callsheet.llm.client import Client
from callsheet.llm.policy import Limits
from callsheet.llm.port import Finish, Reply, Request
from callsheet.llm.specs import Key
from tests.support.anthropic_server import AnthropicServer
from tests.support.google_server import GoogleServer
from tests.support.loopback import (
    GZIP_BOMB,
    HTML,
    HUGE,
    NOT_JSON,
    Answer,
    Cut,
    Drip,
    Drop,
    Empty,
    Fault,
    Filtered,
    Hang,
    Loopback,
    Raw,
    Refusal,
    Seen,
    Status,
    Text,
)
from tests.support.strict_openai import Conduct, StrictOpenAI

CANARY = "sk-canary-0123456789abcdef"
SYSTEM = "You write prompts by rules that nobody outside this call should ever read."
USER = "a woman reads by a rain-streaked window at dusk"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ZED": {"type": "string", "minLength": 20, "maxLength": 1500, "format": "tag-list"},
        "SORA": {"type": "string", "not": {"pattern": "blood", "$comment": "must not be gory"}},
    },
    "required": ["ZED", "SORA"],
    "additionalProperties": False,
}
REQUEST = Request(system=SYSTEM, user=USER, schema=SCHEMA)

SHAPES: dict[str, tuple[type[Loopback], str]] = {
    "openai": (StrictOpenAI, "gpt-5.2"),
    "anthropic": (AnthropicServer, "claude-sonnet-4-6"),
    "google": (GoogleServer, "gemini-2.5-flash"),
}


@dataclass
class Clock:
    """Remembers how long it was asked to sleep, and does not."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def client(server: Loopback, provider: str = "openai", **more: Any) -> Client:
    more = {"sleep": Clock().sleep, "chance": lambda: 0.5} | more
    key = Key("CALLSHEET_API_KEY", CANARY)
    return Client(provider, SHAPES[provider][1], base_url=server.url, key=key, **more)


def serving(provider: str, *faults: Fault) -> Loopback:
    return SHAPES[provider][0](faults=faults)


def assert_nothing_leaks(error: errors.CallsheetError) -> None:
    shown = "".join(traceback.format_exception(error)) + error.hint
    assert error.hint
    for secret in (CANARY, CANARY[-8:], SYSTEM, USER):
        assert secret not in shown


@pytest.mark.parametrize("provider", SHAPES)
async def test_a_reply_comes_back_as_it_was_written(provider: str) -> None:
    with serving(provider) as server:
        reply = await client(server, provider).compose(REQUEST)

    assert list(json.loads(reply.text)) == ["ZED", "SORA"]
    assert reply.finish == "stop"
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0
    assert reply.usage.cost_usd is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        (Status(400), errors.RequestRejectedError, 1),
        (Status(401), errors.KeyRefusedError, 1),
        (Status(402), errors.BillingError, 1),
        (Status(403), errors.KeyRefusedError, 1),
        (Status(404), errors.ModelNotFoundError, 1),
        (Status(408), errors.OverloadedError, 4),
        (Status(409), errors.OverloadedError, 4),
        (Status(413), errors.InputTooLargeError, 1),
        (Status(422), errors.RequestRejectedError, 1),
        (Status(429), errors.OverloadedError, 4),
        (Status(429, headers={"retry-after": "9"}), errors.OverloadedError, 4),
        (Status(429, headers={"retry-after": "9999"}), errors.OverloadedError, 1),
        (Status(500), errors.OverloadedError, 4),
        (Status(502), errors.OverloadedError, 4),
        (Status(503), errors.OverloadedError, 4),
        (Status(504), errors.OverloadedError, 4),
        (Status(529), errors.OverloadedError, 4),
        (Status(503, "<html>bad gateway</html>"), errors.OverloadedError, 4),
        (Drop(), errors.UnreachableError, 4),
        (Drop(midway=True), errors.UnreachableError, 4),
        (HTML, errors.ProviderError, 2),
        (NOT_JSON, errors.ProviderError, 2),
        (HUGE, errors.ProviderError, 1),
        (GZIP_BOMB, errors.ProviderError, 1),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)[:50]),
)
async def test_a_fault_ends_as_told_after_so_many_requests(
    provider: str, fault: Fault, error: type[errors.CallsheetError], requests: int
) -> None:
    with serving(provider, *[fault] * 8) as server, pytest.raises(error) as raised:
        await client(server, provider).compose(REQUEST)

    assert type(raised.value) is error
    assert len(server.requests) == requests
    assert_nothing_leaks(raised.value)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_reply_in_no_known_letters_is_no_reply(provider: str) -> None:
    broken = Raw(b'{"id": "\xff\xfe"}')

    with serving(provider, broken, broken) as server, pytest.raises(errors.ProviderError):
        await client(server, provider).compose(REQUEST)

    assert len(server.requests) == 2


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("fault", [Hang(), Drip()], ids=repr)
async def test_the_deadline_ends_silence_and_a_slow_drip(provider: str, fault: Fault) -> None:
    with serving(provider, *[fault] * 8) as server:
        slow = client(server, provider, limits=Limits(deadline=0.3))
        async with asyncio.timeout(20):
            with pytest.raises(errors.DeadlineError, match=r"within 0\.3 seconds") as raised:
                await slow.compose(REQUEST)

    assert len(server.requests) == 1
    assert_nothing_leaks(raised.value)


@pytest.mark.parametrize(
    ("provider", "fault", "finish", "text"),
    [
        ("openai", Cut(25), "length", '{"ZED": "A woman reads by'),
        ("anthropic", Cut(25), "length", '{"ZED": "A woman reads by'),
        ("google", Cut(25), "length", '{"ZED": "A woman reads by'),
        ("openai", Refusal("I won't."), "refusal", ""),
        ("anthropic", Refusal(), "refusal", ""),
        ("google", Refusal(), "filter", ""),
        ("openai", Filtered(), "filter", ""),
        ("openai", Filtered(8), "filter", '{"ZED": '),
        ("google", Filtered(8), "filter", '{"ZED": '),
        ("openai", Empty(), "stop", ""),
        ("openai", Empty(choices=True), "stop", ""),
        ("anthropic", Empty(), "stop", ""),
        ("google", Empty(), "stop", ""),
        ("openai", Text("Sure! What about rain?"), "stop", "Sure! What about rain?"),
        ("openai", Text('{"ZED": 1}'), "stop", '{"ZED": 1}'),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_is_no_success_says_so_and_is_not_asked_again(
    provider: str, fault: Fault, finish: Finish, text: str
) -> None:
    with serving(provider, fault) as server:
        reply = await client(server, provider).compose(REQUEST)

    assert (reply.finish, reply.text) == (finish, text)
    assert len(server.requests) == 1


async def test_a_whole_reply_at_the_output_limit_still_says_length() -> None:
    with serving("openai", Cut(None)) as server:
        reply = await client(server).compose(REQUEST)

    assert json.loads(reply.text)
    assert reply.finish == "length"


async def test_a_refusal_keeps_the_llms_own_words() -> None:
    with serving("openai", Refusal("I won't.")) as server:
        reply = await client(server).compose(REQUEST)

    assert reply.detail == "I won't."


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("insufficient_quota", errors.QuotaError),
        ("organization_spend_limit_exceeded", errors.QuotaError),
        ("credit_balance_exhausted", errors.BillingError),
        ("context_length_exceeded", errors.InputTooLargeError),
        ("content_filter", errors.FilteredError),
    ],
)
async def test_the_code_decides_and_not_the_status(
    code: str, error: type[errors.CallsheetError]
) -> None:
    answer = {"error": {"message": f"no: {CANARY}", "type": code, "code": code}}

    with serving("openai", *[Status(429, answer)] * 4) as server, pytest.raises(error) as raised:
        await client(server).compose(REQUEST)

    assert len(server.requests) == 1
    assert_nothing_leaks(raised.value)


async def test_what_a_provider_echoes_of_key_and_prompt_is_not_shown() -> None:
    def echo(seen: Seen) -> Answer:
        said = f"no: {seen.headers['authorization']} {seen.json['messages'][0]['content']}"
        return Answer(400, {"error": {"message": said}})

    with serving("openai", echo) as server, pytest.raises(errors.RequestRejectedError) as raised:
        await client(server).compose(REQUEST)

    assert_nothing_leaks(raised.value)


@pytest.mark.parametrize("fault", [Status(429), Status(503), Drop(), HTML], ids=repr)
async def test_what_passes_is_not_noticed(fault: Fault) -> None:
    with serving("openai", fault) as server:
        reply = await client(server).compose(REQUEST)

    assert reply.finish == "stop"
    assert len(server.requests) == 2


async def test_waits_grow_and_keep_to_what_the_provider_asks() -> None:
    clock = Clock()
    faults = [Status(503), Status(429, headers={"retry-after": "30"}), Status(500)]

    with serving("openai", *faults) as server:
        await client(server, sleep=clock.sleep, chance=lambda: 0.0).compose(REQUEST)

    assert clock.slept == [0.5, 30.0, 0.5]


async def test_a_long_wait_is_named_instead_of_waited() -> None:
    clock = Clock()

    with (
        serving(
            "google", Status(429, {"error": {"code": 429, "details": [{"retryDelay": "7200s"}]}})
        ) as server,
        pytest.raises(errors.OverloadedError, match="2 hours") as raised,
    ):
        await client(server, "google", sleep=clock.sleep).compose(REQUEST)

    assert raised.value.retry_after == 7_200
    assert clock.slept == []


async def test_nobody_listening_is_asked_twice_and_told() -> None:
    with serving("openai") as server:
        gone = client(server, sleep=(clock := Clock()).sleep)

    with pytest.raises(errors.UnreachableError, match=r"no LLM answers at .* \(is it running\?\)"):
        await gone.compose(REQUEST)
    assert len(clock.slept) == 1


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


def _mode(seen: Seen) -> str:
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
        await Client("openai", "qwen3", base_url=server.url).compose(REQUEST)

    assert "authorization" not in server.requests[0].headers


async def test_instructions_and_message_are_sent_as_they_are() -> None:
    with serving("openai") as server:
        await client(server).compose(REQUEST)

    body = server.requests[0].json
    assert [message["content"] for message in body["messages"]] == [SYSTEM, USER]
    assert body["max_completion_tokens"] == 8_000 + 2 * 700
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert list(form["schema"]["properties"]) == ["ZED", "SORA"]


async def test_a_price_is_known_where_the_address_has_price_lists() -> None:
    with StrictOpenAI(Conduct(cached_tokens=50)) as server:
        llm = client(server)
        unpriced = await llm.compose(REQUEST)
        assert llm._line is not None
        llm._line = replace(llm._line, rates={"provider_id": "openai"})
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
    def ask(llm: Client) -> Reply:
        return asyncio.run(llm.compose(REQUEST))

    with serving("openai") as server:
        llm = client(server)
        first, second = ask(llm), ask(llm)

    assert first == second
