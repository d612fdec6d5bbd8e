"""An LLM's name is understood or explained, and a key goes to its own provider only."""

from __future__ import annotations

import pytest

from callsheet.errors import InputError, KeyMissingError, UnknownNameError
from callsheet.llm.factory import LLMCache
from callsheet.llm.providers import Key, LLMSpec, choose_key, parse_base_url, parse_spec
from callsheet.settings import read_settings

CANARY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai:gpt-5.2", LLMSpec("openai", "gpt-5.2")),
        (" OpenAI : gpt-5.2 ", LLMSpec("openai", "gpt-5.2")),
        ("ollama:qwen3:8b", LLMSpec("ollama", "qwen3:8b")),
        ("google:gemini-3-flash", LLMSpec("google", "gemini-3-flash")),
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
