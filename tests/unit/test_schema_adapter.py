"""A lowered schema holds what the provider enforces, and says the rest in words."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from callsheet.llm.providers import Dialect
from callsheet.llm.schema_adapter import adapt_schema, count_texts
from tests.support.schema_writer import fill
from tests.support.strict_schema import complaint

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


def of_one(node: dict[str, Any], **around: Any) -> dict[str, Any]:
    """A schema with one prompt of this form."""
    return {"type": "object", "properties": {"ONE": node}, **around}


def lowered(node: dict[str, Any], dialect: Dialect = "openai") -> dict[str, Any]:
    result: Any = adapt_schema(of_one(node), dialect)
    found: dict[str, Any] = result["properties"]["ONE"]
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_properties_stay_in_their_order_and_are_all_required(dialect: Dialect) -> None:
    names = ["ZED", "SORA", "ABLE", "MIKE"]
    schema: Any = {"properties": {name: {"type": "string"} for name in names}, "required": ["MIKE"]}

    result: Any = adapt_schema(schema, dialect)

    assert list(result["properties"]) == names
    assert result["required"] == names
    assert result["additionalProperties"] is False


def test_lengths_that_cannot_be_enforced_are_described_in_text() -> None:
    node = lowered({"type": "string", "minLength": 20, "maxLength": 1500, "description": "A still"})

    assert node == {
        "type": "string",
        "description": "A still. At least 20 characters. At most 1500 characters.",
    }


def test_a_description_is_not_repeated() -> None:
    node = lowered(
        {"type": "string", "maxLength": 9, "description": "Short. At most 9 characters."}
    )

    assert node["description"] == "Short. At most 9 characters."


def test_a_local_engine_keeps_lengths_and_whole_patterns_only() -> None:
    rules = {"type": "string", "minLength": 20, "maxLength": 1500}

    assert lowered(rules | {"pattern": "^[a-z ]+$"}, "ollama") == rules | {"pattern": "^[a-z ]+$"}
    assert "pattern" not in lowered(rules | {"pattern": "[a-z]"}, "ollama")


def test_a_pattern_that_matches_a_part_is_described_as_such() -> None:
    node = lowered({"type": "string", "pattern": " --ar 16:9( |$)"})

    assert node["description"] == "Must match the regular expression ` --ar 16:9( |$)`."
    assert lowered({"type": "string", "pattern": "^[a-z]+$"})["pattern"] == "^[a-z]+$"


@pytest.mark.parametrize("pattern", ["^(?!.*blood).*$", r"(?i)rain", r"\bdusk\b", r"(a)\1"])
def test_an_invalid_regular_expression_is_reported(pattern: str) -> None:
    node = lowered({"type": "string", "pattern": pattern})

    assert node["description"] == f"Must match the regular expression `{pattern}`."
    assert "pattern" not in node


def test_a_rule_with_a_message_is_reported_with_it() -> None:
    node = lowered(
        {
            "type": "string",
            "allOf": [
                {"pattern": "--ar 16:9$", "$comment": "must end with --ar 16:9"},
                {"not": {"pattern": "(?i)blood", "$comment": "must not mention blood"}},
                {"not": {"pattern": "::", "description": "double colons"}},
                {"not": {"enum": ["", "-"]}},
            ],
        }
    )

    assert node["description"] == (
        "Must end with --ar 16:9. Must not mention blood. Without double colons."
        ' Must not be "" or "-".'
    )


def test_a_named_format_of_ours_is_dropped_and_its_description_stays() -> None:
    node = lowered({"type": "string", "format": "tag-list", "description": "Tags, by commas."})

    assert node == {"type": "string", "description": "Tags, by commas."}


def test_a_format_that_the_provider_knows_is_kept() -> None:
    assert lowered({"type": "string", "format": "date"})["format"] == "date"
    assert "format" not in lowered({"type": "string", "format": "email"}, "google")


def test_a_constant_becomes_the_only_choice() -> None:
    assert lowered({"const": "16:9"}) == {"enum": ["16:9"], "type": "string"}


def test_a_reference_to_a_definition_stays_and_the_definition_is_lowered() -> None:
    schema = of_one(
        {"$ref": "#/$defs/text"}, **{"$defs": {"text": {"type": "string", "maxLength": 5}}}
    )

    result: Any = adapt_schema(schema, "openai")

    assert result["properties"]["ONE"] == {"$ref": "#/$defs/text"}
    assert result["$defs"]["text"]["description"] == "At most 5 characters."


def test_a_reference_with_sibling_keywords_is_replaced_by_its_target() -> None:
    schema = of_one(
        {"$ref": "#/$defs/text", "description": "Mine"},
        **{"$defs": {"text": {"type": "string", "maxLength": 5}}},
    )

    result: Any = adapt_schema(schema, "openai")

    assert result["properties"]["ONE"] == {
        "description": "Mine. At most 5 characters.",
        "type": "string",
    }


def test_parts_of_an_object_are_folded_into_one() -> None:
    node = lowered(
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "string", "maxLength": 3}}},
            ]
        }
    )

    assert list(node["properties"]) == ["a", "b"]
    assert node["required"] == ["a", "b"]


def test_a_schema_that_names_itself_comes_to_an_end() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/t", "description": "more"}}}

    result = adapt_schema(of_one({"$ref": "#/$defs/t"}, **{"$defs": {"t": tree}}), "openai")

    assert complaint(result) is None


def test_the_schema_itself_is_unchanged() -> None:
    schema = of_one({"type": "string", "maxLength": 5, "allOf": [{"pattern": "a"}]})
    before = json.dumps(schema)

    adapt_schema(schema, "openai")

    assert json.dumps(schema) == before


def test_values_are_counted_through_objects_and_references() -> None:
    schema: Any = {
        "properties": {
            "ONE": {"type": "string"},
            "TWO": {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/t"}}},
        },
        "$defs": {"t": {"type": "string"}},
    }

    assert count_texts(adapt_schema(schema, "openai")) == 3


texts = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 20),
        "maxLength": st.integers(30, 4_000),
        "pattern": st.sampled_from(["^[a-z]+$", "a", "(?i)a", "^(?!b)"]),
        "format": st.sampled_from(["date", "uri", "tag-list"]),
        "not": st.sampled_from([{"pattern": "x"}, {"const": ""}, {"maxLength": 3}]),
        "description": st.text(max_size=20),
        "title": st.text(max_size=5),
        "default": st.just(""),
        "examples": st.just(["a"]),
        "x-note": st.just(1),
        "allOf": st.lists(st.sampled_from([{"pattern": "b"}, {"not": {"const": "q"}}]), max_size=3),
        "if": st.just({"const": "a"}),
    },
)
names = st.sampled_from(["ONE", "TWO_A", "type", "properties", "$ref", "enum"])
schemas = st.recursive(
    texts,
    lambda node: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(names, node, max_size=4)},
            optional={"required": st.just([]), "minProperties": st.just(1)},
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": node}),
        st.fixed_dictionaries({"anyOf": st.lists(node, min_size=1, max_size=2)}),
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, schemas, max_size=4))
def test_every_adapted_schema_is_valid_in_the_strict_mode_of_openai(nodes: dict[str, Any]) -> None:
    result = adapt_schema({"type": "object", "properties": nodes}, "openai")

    assert complaint(result) is None


@given(st.dictionaries(names, texts, min_size=1, max_size=3), st.sampled_from(DIALECTS))
def test_a_lowered_schema_is_a_valid_schema_of_the_same_names(
    nodes: dict[str, Any], dialect: Dialect
) -> None:
    result = adapt_schema({"type": "object", "properties": nodes}, dialect)

    Draft202012Validator.check_schema(result)
    assert list(fill(result, lambda *_: "text")) == list(nodes)


TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"ONE": {"$ref": "#/$defs/scene"}},
    "$defs": {
        "scene": {
            "type": "object",
            "properties": {
                "text": {"$ref": "#/$defs/text"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/scene"}},
            },
        },
        "text": {"type": "string", "maxLength": 9},
    },
}


@pytest.mark.parametrize(
    ("dialect", "kept"),
    [
        ("openai", {"scene", "text"}),
        ("anthropic", {"text"}),
        ("google", {"text"}),
        ("ollama", {"scene"}),
    ],
)
def test_a_reference_stays_where_the_provider_follows_its_kind(
    dialect: Dialect, kept: set[str]
) -> None:
    text = json.dumps(adapt_schema(TREE, dialect))

    assert {name for name in ("scene", "text") if f'"#/$defs/{name}"' in text} == kept


@pytest.mark.parametrize("dialect", ["anthropic", "google"])
def test_a_recursive_schema_is_cut_for_a_provider_without_recursion(dialect: Dialect) -> None:
    result: Any = adapt_schema(TREE, dialect)

    one = result["properties"]["ONE"]
    assert one["properties"]["parts"]["items"]["type"] == "object"
    assert "scene" not in json.dumps(one)


def test_only_a_list_that_may_be_empty_or_not_is_bounded_for_anthropic() -> None:
    def items(least: int) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}, "minItems": least}

    assert lowered(items(1), "anthropic")["minItems"] == 1
    assert lowered(items(3), "anthropic")["description"] == "At least 3 items."
    assert "minItems" not in lowered(items(3), "anthropic")


def test_google_gets_the_order_of_properties_and_non_text_values_as_text() -> None:
    result: Any = adapt_schema({"properties": {"ZED": {}, "ABLE": {"const": True}}}, "google")

    assert result["propertyOrdering"] == ["ZED", "ABLE"]
    assert result["properties"]["ABLE"]["description"] == "One of: true."
    assert lowered({"enum": ["a", 2]}, "google")["enum"] == ["a", 2]


def test_a_local_engine_enforces_integer_bounds_and_gets_other_bounds_as_text() -> None:
    assert lowered({"type": "integer", "minimum": 3}, "ollama")["minimum"] == 3
    number = lowered({"type": "number", "minimum": 3, "multipleOf": 2}, "ollama")
    assert set(number) == {"type", "description"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_alternatives_beside_properties_are_checked_by_the_full_schema_only(
    dialect: Dialect,
) -> None:
    node = lowered(
        {"properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}, dialect
    )

    assert "anyOf" not in node
    assert node["required"] == ["a"]
