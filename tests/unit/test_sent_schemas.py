"""What is sent for every selection is a schema that the provider documents and a grammar engine takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, pairwise
from typing import Any

import llguidance
import pytest

from callsheet import build_schema, load_groups
from callsheet.catalog.formats import STANDARD, built_in
from callsheet.llm.providers import Dialect
from callsheet.llm.schema_adapter import adapt_schema
from tests.support.strict_schema import KEYWORDS, NUMBER, complaint

DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic", "google", "ollama")

ANTHROPIC = {"type", "properties", "required", "additionalProperties", "description", "enum"} | {
    "const", "anyOf", "items", "$ref", "$defs", "format", "minItems",
}  # fmt: skip
"""Structured outputs, "JSON Schema limitations" (read 2026-11-22): no bounds, lengths, patterns, `not`."""

GOOGLE = (ANTHROPIC - {"const"}) | {"minimum", "maximum", "maxItems", "propertyOrdering"}
"""The API reference of `responseJsonSchema` (googleapis.github.io/kotlin-genai, read 2026-11-23)."""

OLLAMA = (ANTHROPIC - {"$ref"}) | {"minLength", "maxLength", "pattern", "maxItems"} | {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip
"""What llama.cpp turns into a grammar; it skips the rest in silence (grammars/README.md, 2026-11-23)."""

OPENAI = KEYWORDS
"""See tests/support/strict_schema.py, which also holds OpenAI's limits of size."""

KNOWN: dict[Dialect, set[str]] = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "google": GOOGLE,
    "ollama": OLLAMA,
}

MOST_OPTIONAL_ANTHROPIC, MOST_UNIONS_ANTHROPIC, MOST_ITEMS_ANTHROPIC = 24, 16, 1
"""Parameters that a request may leave open or give several types, and the highest `minItems`."""

MOST_ITEMS_GOOGLE = 960
"""The sum of `maxItems` up to which requests were taken (python-genai issue 2170); not documented."""


@dataclass(frozen=True)
class Selection:
    """Groups of one category, and the workflow that has them."""

    workflow: str
    groups: tuple[str, ...]

    def full(self) -> dict[str, Any]:
        return build_schema(self.groups, workflow=self.workflow)


def selections() -> Iterator[Selection]:
    """Every selection of oms; of the many of studio each group alone, pairs of neighbours, and all."""
    for groups in load_groups().values():
        names = list(groups)
        for chosen in chain.from_iterable(combinations(names, n) for n in range(1, len(names) + 1)):
            yield Selection("oms", chosen)
    for groups in load_groups("studio").values():
        names = list(groups)
        for chosen in (*((name,) for name in names), *pairwise(names), tuple(names)):
            yield Selection("studio", chosen)


EVERY = list(dict.fromkeys(selections()))


@cache
def sent(selection: Selection, dialect: Dialect) -> dict[str, Any]:
    return adapt_schema(selection.full(), dialect)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    yield node
    for child in (*node.get("properties", {}).values(), *node.get("anyOf", ())):
        yield from nodes(child)
    if "items" in node:
        yield from nodes(node["items"])


def test_there_are_31_image_and_3_video_selections() -> None:
    assert sum(selection.workflow == "oms" for selection in EVERY) == 31 + 3


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_grammar_engine_compiles_what_is_sent_for_every_selection(dialect: Dialect) -> None:
    for groups in EVERY:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(sent(groups, dialect)))
        wrong, messages = llguidance.LLMatcher.validate_grammar_with_warnings(grammar)
        assert not wrong, (groups, messages)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_sent_is_closed_and_names_every_model_in_order(dialect: Dialect) -> None:
    for groups in EVERY:
        full, lowered = groups.full(), sent(groups, dialect)
        models = full["properties"]["prompts"]["required"]
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


def test_the_strict_mode_of_openai_accepts_every_selection() -> None:
    for groups in EVERY:
        assert complaint(sent(groups, "openai")) is None


@pytest.mark.parametrize("dialect", KNOWN)
def test_a_provider_is_sent_only_keywords_that_it_documents(dialect: Dialect) -> None:
    for groups in EVERY:
        for node in nodes(sent(groups, dialect)):
            assert set(node) <= KNOWN[dialect], groups


def test_anthropics_limits_are_far() -> None:
    for groups in EVERY:
        every = list(nodes(sent(groups, "anthropic")))
        optional = [
            name
            for node in every
            for name in node.get("properties", {})
            if name not in node["required"]
        ]
        assert len(optional) == 0 < MOST_OPTIONAL_ANTHROPIC
        assert sum("anyOf" in node for node in every) <= MOST_UNIONS_ANTHROPIC
        assert all(isinstance(node.get("type", ""), str) for node in every)
        assert all(node.get("minItems", 0) <= MOST_ITEMS_ANTHROPIC for node in every)


def test_google_gets_the_order_of_models_and_lists_of_texts_and_numbers_only() -> None:
    for groups in EVERY:
        every = list(nodes(sent(groups, "google")))
        for node in every:
            if "properties" in node:
                assert node["propertyOrdering"] == node["required"] == list(node["properties"])
            assert all(type(value) in (str, int, float) for value in node.get("enum", ()))
        assert sum(node.get("maxItems", 0) for node in every) <= MOST_ITEMS_GOOGLE


def test_a_local_engine_is_sent_whole_patterns_and_no_properties_beside_alternatives() -> None:
    for groups in EVERY:
        for node in nodes(sent(groups, "ollama")):
            pattern = node.get("pattern", "^$")
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            assert not {"anyOf", "properties"} <= set(node)
            assert node.get("type") == "integer" or not set(node) & (NUMBER - {"multipleOf"})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_limit_that_is_not_enforced_is_described_in_text(dialect: Dialect) -> None:
    node = sent(Selection("oms", ("phoenix",)), dialect)["properties"]["prompts"]["properties"][
        "PHOENIX_1_0_A"
    ]
    assert node.get("maxLength") == 1_500 or "At most 1500 characters." in node["description"]
