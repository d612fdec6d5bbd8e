"""An LLM's name is understood or explained, and a key goes to its own provider only."""

from __future__ import annotations

from typing import Any, cast

import pytest
from genai_prices.data_snapshot import get_snapshot
from pydantic_ai.profiles.anthropic import anthropic_model_profile
from pydantic_ai.profiles.openai import openai_model_profile

from callsheet.costs.prices import price
from callsheet.errors import InputError, KeyMissingError, UnknownNameError
from callsheet.llm.factory import LLMCache
from callsheet.llm.providers import (
    PROVIDERS,
    Key,
    LLMSpec,
    choose_key,
    parse_base_url,
    parse_spec,
)
from callsheet.settings import read_settings

CANARY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai:gpt-5.2", LLMSpec("openai", "gpt-5.2")),
        (" OpenAI : gpt-5.2 ", LLMSpec("openai", "gpt-5.2")),
        ("ollama:qwen3:8b", LLMSpec("ollama", "qwen3:8b")),
        ("google:gemini-3.8-flash", LLMSpec("google", "gemini-3.8-flash")),
        ("offline", LLMSpec("offline")),
        ("paste", LLMSpec("paste")),
    ],
)
def test_a_spec_is_a_provider_and_the_rest_is_its_name(text: str, spec: LLMSpec) -> None:
    assert parse_spec(text) == spec


def test_a_spec_is_written_as_it_is_read() -> None:
    assert str(parse_spec("ollama:qwen3:8b")) == "ollama:qwen3:8b"
    assert str(parse_spec("paste")) == "paste"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("opnai:gpt", "openai:NAME"), ("offlin", "offline"), ("googl:x", "google:NAME")],
)
def test_an_unknown_provider_lists_the_known_nearest_first(text: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        parse_spec(text)

    assert error.value.hint.startswith(f"known: {nearest}")
    assert "anthropic:NAME" in error.value.hint


@pytest.mark.parametrize("text", ["openai", "openai:", "openai: "])
def test_a_provider_without_a_name_is_shown_an_example(text: str) -> None:
    with pytest.raises(InputError, match="needs the name") as error:
        parse_spec(text)

    assert "--llm openai:" in error.value.hint


def test_offline_takes_no_name() -> None:
    with pytest.raises(InputError, match="takes no name"):
        parse_spec("offline:gpt")


@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_either_variable_of_a_provider_holds_its_key(variable: str) -> None:
    key = choose_key(LLMSpec("google", "gemini-3"), {variable: CANARY, "OPENAI_API_KEY": "other"})

    assert key == Key(variable, CANARY)


def test_a_missing_key_names_the_variable_to_set() -> None:
    with pytest.raises(KeyMissingError) as error:
        choose_key(
            LLMSpec("openai", "gpt-5.2"), {"ANTHROPIC_API_KEY": CANARY, "OPENAI_API_KEY": " "}
        )

    assert "OPENAI_API_KEY" in error.value.hint
    assert CANARY not in f"{error.value} {error.value.hint}"


def test_ollama_needs_no_key() -> None:
    assert choose_key(LLMSpec("ollama", "qwen3"), {"OPENAI_API_KEY": CANARY}) is None


def test_a_server_of_ones_own_gets_no_key_but_its_own() -> None:
    spec, url = LLMSpec("openai", "qwen3"), "http://127.0.0.1:8080/v1"

    assert choose_key(spec, {"OPENAI_API_KEY": CANARY}, base_url=url) is None
    assert choose_key(spec, {"CALLSHEET_API_KEY": "mine"}, base_url=url) == Key(
        "CALLSHEET_API_KEY", "mine"
    )


def test_a_key_does_not_show_in_its_repr() -> None:
    assert CANARY not in repr(Key("OPENAI_API_KEY", CANARY))


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.0.0.1:8080/v1/",
        "http://127.0.0.1:8080/v1/chat/completions",
    ],
)
def test_an_address_is_understood_as_people_write_it(text: str) -> None:
    assert parse_base_url(text) == "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8080", "ftp://host/v1", "http://", "http://a b/v1", ""]
)
def test_an_invalid_address_is_rejected_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError, match="no address") as error:
        parse_base_url(text)

    assert "/v1" in error.value.hint


def test_an_llm_is_opened_once_for_all_runs_that_share_it() -> None:
    llms = LLMCache(read_settings({"OPENAI_API_KEY": CANARY}))
    first = llms.open("openai:any", None)

    assert llms.open("openai:any", None) is first
    assert llms.open("openai:any", "http://127.0.0.1:9/v1") is not first
    for _ in range(2):
        with pytest.raises(KeyMissingError):
            llms.open("anthropic:any", None)


def _listed(provider: str) -> list[str]:
    """The LLMs of a provider in the price list."""
    (found,) = (each for each in get_snapshot().providers if each.id == provider)
    return [each.id for each in found.models]


def test_what_claude_takes_agrees_with_the_client_library() -> None:
    claude = PROVIDERS["anthropic"]
    for name in _listed("anthropic"):
        known = cast("Any", anthropic_model_profile(name) or {})
        has = known.get("anthropic_supports_effort", False)
        assert bool(claude.efforts_of(name)) == has, name
        if has:
            xhigh = known.get("anthropic_supports_xhigh_effort", False)
            most = known.get("anthropic_supports_max_effort", True)
            efforts = claude.efforts_of(name)
            assert ("xhigh" in efforts, "max" in efforts) == (xhigh, most), name
        refuses = known.get("anthropic_disallows_sampling_settings", False)
        assert claude.takes_temperature(name) != refuses, name


UNKNOWN_THERE = ("gpt-6-cyber", "gpt-6-rosalind")
"""LLMs that the library's table does not have; a request with what they do not take is refused there."""


def test_which_of_openais_llms_can_be_told_not_to_think_agrees_with_the_client_library() -> None:
    openai = PROVIDERS["openai"]
    for name in _listed("openai"):
        known = cast("Any", openai_model_profile(name) or {})
        if name in UNKNOWN_THERE or not name.startswith(("o", "gpt-")):
            continue
        thinks = known.get("openai_supports_reasoning", False)
        can_stop = thinks and known.get("openai_supports_reasoning_effort_none", False)
        assert bool(openai.efforts_of(name)) == thinks, name
        assert ("none" in openai.efforts_of(name)) == can_stop, name
        assert openai.takes_temperature(name, "none") == (can_stop or not thinks), name
        assert openai.takes_temperature(name) == (not thinks), name


def test_every_example_of_a_hosted_provider_has_a_price() -> None:
    for provider in PROVIDERS.values():
        if provider.priced_as:
            named = parse_spec(provider.example)
            assert price(named.provider, named.name, 1_000, 1_000) is not None, provider.example
