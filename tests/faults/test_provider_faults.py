"""Providers fail; callsheet does not. Each fault is done on the wire, each request counted there."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable

import pytest

from callsheet import errors
from callsheet.llm.port import Finish
from callsheet.llm.retry_policy import CallLimits
from tests.support.loopback import (
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
    Raw,
    ReceivedRequest,
    Refusal,
    Status,
    Text,
)
from tests.support.providers import (
    CANARY,
    REQUEST,
    SHAPES,
    Clock,
    assert_nothing_leaks,
    client,
    serving,
)

GZIP_BOMB = Raw(zlib.compress(b" " * 200_000_000), headers={"content-encoding": "deflate"})


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
    provider: str,
    fault: Fault,
    error: type[errors.CallsheetError],
    requests: int,
    record_property: Callable[[str, object], None],
) -> None:
    with serving(provider, *[fault] * 8) as server, pytest.raises(errors.CallsheetError) as raised:
        await client(server, provider).compose(REQUEST)

    expected = f"{error.__name__}, {requests} sent"
    seen = f"{type(raised.value).__name__}, {len(server.requests)} sent"
    record_property("matrix", (f"{provider}: {fault!r:.40}", expected, seen))
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
        slow = client(server, provider, limits=CallLimits(deadline=0.3))
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
    def echo(seen: ReceivedRequest) -> Answer:
        result = f"no: {seen.headers['authorization']} {seen.json['messages'][0]['content']}"
        return Answer(400, {"error": {"message": result}})

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
