"""A tier, an effort and a temperature on the wire, what a full or missing flex tier leads to, and prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callsheet import errors
from callsheet.call_options import CallOptions
from callsheet.llm.factory import check_options, open_llm
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.providers import PROVIDERS, Key
from callsheet.settings import read_settings
from tests.support.loopback import Loopback, Status
from tests.support.providers import CANARY, REQUEST, Clock, serving
from tests.support.strict_openai import Conduct, StrictOpenAI

FULL = Status(
    429,
    {"error": {"message": "Resource unavailable", "type": "x", "code": "resource_unavailable"}},
)
UNKNOWN_TIER = Status(
    400, {"error": {"message": "Invalid service_tier: 'flex' is not supported.", "code": None}}
)


def hosted(
    monkeypatch: pytest.MonkeyPatch, server: Loopback, spec: str, **more: Any
) -> ProviderLLM:
    """The LLM of this spec, at the address of its provider: the server here."""
    provider, _, name = spec.partition(":")
    monkeypatch.setitem(PROVIDERS, provider, replace(PROVIDERS[provider], url=server.url))
    more = {"sleep": Clock().sleep, "chance": lambda: 0.5} | more
    return ProviderLLM(provider, name, key=Key("KEY", CANARY), **more)


@pytest.mark.parametrize(
    ("spec", "shape", "options", "sent"),
    [
        ("openai:gpt-5.2", "openai", CallOptions("flex", "low"),
         {"service_tier": "flex", "reasoning_effort": "low"}),
        ("openai:gpt-5.2", "openai", CallOptions(None, "none", 0.5),
         {"reasoning_effort": "none", "temperature": 0.5}),
        ("openai:gpt-4.1", "openai", CallOptions("standard", None, 0.5),
         {"service_tier": "default", "temperature": 0.5}),
        ("anthropic:claude-sonnet-4-6", "anthropic", CallOptions(None, "low", 0.5),
         {"temperature": 0.5, "output_config": {"effort": "low"}}),
        ("google:gemini-3.8-flash", "google", CallOptions("flex", "low", 0.5),
         {"serviceTier": "flex",
          "generationConfig": {"temperature": 0.5, "thinkingConfig": {"thinking_level": "LOW"}}}),
        ("ollama:qwen3", "openai", CallOptions(None, "none", 0.2),
         {"reasoning_effort": "none", "temperature": 0.2}),
        ("openrouter:openai/gpt-5.2", "openai", CallOptions(None, "high"),
         {"reasoning_effort": "high", "max_tokens": 9_272}),
        ("mistral:mistral-small-latest", "openai", CallOptions(None, "high", 1.0),
         {"reasoning_effort": "high", "temperature": 1.0, "max_tokens": 9_272}),
        ("groq:openai/gpt-oss-120b", "openai", CallOptions(None, "medium", 0.0),
         {"reasoning_effort": "medium", "temperature": 0.0, "max_tokens": 9_272}),
        ("deepseek:deepseek-v4-pro", "openai", CallOptions(None, "high"),
         {"reasoning_effort": "high", "max_tokens": 9_272}),
        ("xai:grok-4.6", "openai", CallOptions(None, "low", 0.7),
         {"reasoning_effort": "low", "temperature": 0.7, "max_tokens": 9_272}),
    ],
)  # fmt: skip
async def test_what_was_chosen_is_sent_in_the_words_of_each_provider(
    monkeypatch: pytest.MonkeyPatch,
    spec: str,
    shape: str,
    options: CallOptions,
    sent: dict[str, Any],
) -> None:
    check_options(spec, None, options)
    with serving(shape) as server:
        reply = await hosted(monkeypatch, server, spec, options=options).compose(REQUEST)
        body = server.requests[0].json
    assert reply.finish == "stop"
    assert _part(body, sent) == sent
    if shape == "openai":
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"


def _part(body: Any, sent: Any) -> Any:
    """The part of a body that is compared: what stands under the same names."""
    if not isinstance(sent, dict):
        return body
    return {name: _part(body.get(name), value) for name, value in sent.items()}


async def test_without_options_nothing_of_them_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("openai") as server:
        await hosted(monkeypatch, server, "openai:gpt-5.2").compose(REQUEST)
    names = {"service_tier", "reasoning_effort", "temperature", "prompt_cache_options"}
    assert not names & set(server.requests[0].json)


@pytest.mark.parametrize(
    ("spec", "base_url", "options", "message", "hint"),
    [
        ("anthropic:claude-sonnet-4-6", None, CallOptions("flex"),
         "Anthropic has no flex tier", "openai:NAME, google:NAME"),
        ("openai:any", "http://localhost:1/v1", CallOptions("flex,standard"),
         "a server of your own has no flex tier", "leave it out"),
        ("offline", None, CallOptions(effort="low"), "`offline` takes no effort", "anthropic:NAME"),
        ("openai:gpt-4.1", None, CallOptions(effort="low"), "takes no effort", "begin with `o1`"),
        ("openai:gpt-5.2", None, CallOptions(temperature=1.0), "no temperature while it thinks",
         "add --effort none"),
        ("openai:gpt-6-astra", None, CallOptions(temperature=1.0), "takes no temperature$",
         "do not begin with"),
        ("openai:gpt-6-astra", None, CallOptions(effort="none"), "has no effort `none`", "low, "),
        ("groq:qwen/qwen3-32b", None, CallOptions(effort="low"), "has no effort `low`", "use none"),
        ("mistral:mistral-small-2506", None, CallOptions(effort="high"), "takes no effort",
         "leave it out"),
        ("anthropic:claude-opus-5", None, CallOptions(temperature=0.1), "takes no temperature",
         "leave it out"),
        ("anthropic:claude-opus-5", None, CallOptions(effort="minimal"), "has no effort `minimal`",
         "low, medium"),
    ],
)  # fmt: skip
def test_what_an_llm_does_not_take_is_refused_before_anything_is_paid(
    spec: str, base_url: str | None, options: CallOptions, message: str, hint: str
) -> None:
    with pytest.raises(errors.InputError, match=message) as raised:
        check_options(spec, base_url, options)
    assert raised.value.exit_code == 2
    assert hint in raised.value.hint


async def test_flex_waits_for_room_longer_than_for_a_rate_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read_settings({"OPENAI_API_KEY": CANARY})
    options, clock = CallOptions("flex"), Clock()
    limits = open_llm("openai:gpt-5.2", base_url=None, settings=settings, options=options).limits
    assert (limits.deadline, limits.idle, limits.patience) == (900, 900, 900)
    with serving("openai", FULL, Status(429), FULL) as server:
        llm = hosted(
            monkeypatch, server, "openai:gpt-5.2",
            options=options, limits=limits, sleep=clock.sleep,
        )  # fmt: skip
        await llm.compose(REQUEST)
    assert [30 <= seconds <= 120 for seconds in clock.slept] == [True, False, True]
    assert [seen.json["service_tier"] for seen in server.requests] == ["flex"] * 4


async def test_a_full_flex_tier_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("openai", *[FULL] * 20) as server:
        llm = hosted(monkeypatch, server, "openai:gpt-5.2", options=CallOptions("flex"))
        with pytest.raises(errors.OverloadedError, match="no room at the flex tier") as raised:
            await llm.compose(REQUEST)
    assert "--tier flex,standard" in raised.value.hint


@pytest.mark.parametrize(
    ("spec", "fault"),
    [("openai:gpt-5.2", FULL), ("openai:gpt-4.1", UNKNOWN_TIER), ("google:gemini-3.8-flash", Status(503))],
)  # fmt: skip
async def test_flex_falls_back_to_the_standard_tier_at_once(
    monkeypatch: pytest.MonkeyPatch, spec: str, fault: Status
) -> None:
    clock, shape = Clock(), spec.partition(":")[0]
    with serving(shape, fault) as server:
        llm = hosted(
            monkeypatch, server, spec, options=CallOptions("flex,standard"), sleep=clock.sleep
        )
        await llm.compose(REQUEST)
    name = "serviceTier" if shape == "google" else "service_tier"
    assert [seen.json[name] for seen in server.requests] in (
        ["flex", "default"],
        ["flex", "standard"],
    )
    assert clock.slept == []


async def test_an_llm_without_the_tier_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("openai", UNKNOWN_TIER) as server:
        llm = hosted(monkeypatch, server, "openai:gpt-4.1", options=CallOptions("flex"))
        with pytest.raises(errors.RequestRejectedError, match="no flex tier for `gpt"):
            await llm.compose(REQUEST)
    assert len(server.requests) == 1


async def _cost(
    monkeypatch: pytest.MonkeyPatch, spec: str, served: str | None
) -> tuple[float, bool, str]:
    with StrictOpenAI(Conduct(tier=served)) as server:
        reply = await hosted(monkeypatch, server, spec).compose(REQUEST)
    assert reply.usage.cost_usd is not None
    return reply.usage.cost_usd, reply.usage.cost_at_most, reply.tier


async def test_a_call_is_priced_by_the_tier_that_the_reply_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full, _, _ = await _cost(monkeypatch, "openai:gpt-5.2", None)
    half, at_most, tier = await _cost(monkeypatch, "openai:gpt-5.2", "flex")
    assert (half, at_most, tier) == (pytest.approx(full / 2), False, "flex")
    assert await _cost(monkeypatch, "openai:gpt-5.2", "default") == (full, False, "default")


async def test_a_tier_without_a_published_price_costs_at_most_the_standard_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full, _, _ = await _cost(monkeypatch, "openai:gpt-4.1", None)
    assert await _cost(monkeypatch, "openai:gpt-4.1", "flex") == (full, True, "flex")


async def test_each_provider_of_openais_form_is_priced_where_prices_are_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("openrouter", "mistral", "groq", "deepseek", "xai"):
        cost, _, _ = await _cost(monkeypatch, PROVIDERS[name].example, None)
        assert cost > 0, name
