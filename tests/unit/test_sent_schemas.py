"""What is sent for every selection is a schema that the provider documents and a grammar engine takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import chain, combinations
from typing import Any

import llguidance
import pytest

from callsheet import build_schema, load_groups
from callsheet.catalog.formats import STANDARD, built_in
from callsheet.llm.lowering import lower
from callsheet.llm.specs import Dialect
from tests.support.strict_schema import complaint

DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic", "google", "ollama")

ANTHROPIC = {"type", "properties", "required", "additionalProperties", "description", "enum"} | {
    "const", "anyOf", "items", "$ref", "$defs", "format",
}  # fmt: skip
"""Structured outputs, "JSON Schema limitations": no bounds, no lengths, no patterns, no `not`."""

GOOGLE = (ANTHROPIC - {"const"}) | {"minimum", "maximum", "minItems", "maxItems"}
"""Gemini's structured output, the keywords that its guide lists."""

OLLAMA = GOOGLE | {"minLength", "maxLength", "pattern", "const"}
"""What llama.cpp's converter from JSON Schema to a grammar reads."""

KNOWN: dict[Dialect, set[str]] = {"anthropic": ANTHROPIC, "google": GOOGLE, "ollama": OLLAMA}

MOST_PARAMETERS_ANTHROPIC = 24
"""Optional parameters that one of Anthropic's requests may have; ours are all required."""


def selections() -> Iterator[tuple[str, ...]]:
    for groups in load_groups().values():
        names = list(groups)
        yield from chain.from_iterable(combinations(names, n) for n in range(1, len(names) + 1))


EVERY = list(selections())


@cache
def sent(groups: tuple[str, ...], dialect: Dialect) -> dict[str, Any]:
    return lower(build_schema(groups), dialect)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    yield node
    for child in (*node.get("properties", {}).values(), *node.get("anyOf", ())):
        yield from nodes(child)
    if "items" in node:
        yield from nodes(node["items"])


def test_there_are_31_image_and_3_video_selections() -> None:
    assert len(EVERY) == 31 + 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_grammar_engine_compiles_what_is_sent_for_every_selection(dialect: Dialect) -> None:
    for groups in EVERY:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(sent(groups, dialect)))
        wrong, messages = llguidance.LLMatcher.validate_grammar_with_warnings(grammar)
        assert not wrong, (groups, messages)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_sent_is_closed_and_names_every_model_in_order(dialect: Dialect) -> None:
    for groups in EVERY:
        full, lowered = build_schema(groups), sent(groups, dialect)
        models = full["properties"]["prompts"]["required"]  # type: ignore[index,call-overload]
        assert list(lowered["properties"]["prompts"]["properties"]) == models
        for node in nodes(lowered):
            if node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert node["required"] == list(node["properties"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_our_formats_and_notes_stay_at_home(dialect: Dialect) -> None:
    for groups in EVERY:
        for node in nodes(sent(groups, dialect)):
            assert node.get("format", "date") in STANDARD
            assert not [name for name in node if name.startswith(("x-", "$comment"))]
        text = json.dumps(sent(groups, dialect))
        assert "x-rules" not in text
        assert not [name for name in built_in() if f'"{name}"' in text]


def test_openais_strict_mode_takes_every_selection() -> None:
    for groups in EVERY:
        assert complaint(sent(groups, "openai")) is None


@pytest.mark.parametrize("dialect", KNOWN)
def test_a_provider_is_sent_only_keywords_that_it_documents(dialect: Dialect) -> None:
    for groups in EVERY:
        for node in nodes(sent(groups, dialect)):
            assert set(node) <= KNOWN[dialect], groups


def test_anthropic_is_sent_no_optional_parameter_and_no_type_list() -> None:
    for groups in EVERY:
        every = list(nodes(sent(groups, "anthropic")))
        optional = [
            name
            for node in every
            for name in node.get("properties", {})
            if name not in node["required"]
        ]
        assert len(optional) <= MOST_PARAMETERS_ANTHROPIC
        assert optional == []
        assert all(isinstance(node.get("type", ""), str) for node in every)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_bound_that_is_not_enforced_is_told_in_words(dialect: Dialect) -> None:
    node = sent(("phoenix",), dialect)["properties"]["prompts"]["properties"]["PHOENIX_1_0_A"]
    assert node.get("maxLength") == 1_500 or "At most 1500 characters." in node["description"]
