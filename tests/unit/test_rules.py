"""A reply is checked against its schema, told in words, narrowed to what is wrong, and mended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from callsheet.catalog.rules import (
    find_errors,
    in_order,
    leaves,
    missing,
    narrow,
    overlay,
    pick,
    without_extras,
)
from tests.support.reply_schemas import schema_of as reply_schema

TEXT: dict[str, JsonValue] = {"type": "string"}
HERON = "a heron stands in the reeds"


def schema_of(**models: Any) -> dict[str, JsonValue]:
    """The schema of a reply with these models."""
    return reply_schema({"T": TEXT}, **models)


@pytest.mark.parametrize(
    ("model", "value", "rule", "message"),
    [
        ({"type": "string"}, 5, "type", "must be of type string"),
        ({"maxLength": 1_500}, "x" * 1_501, "maxLength", "has 1,501 characters; at most 1,500 are"),
        ({"minLength": 5}, "abc", "minLength", "has 3 characters; at least 5 are needed"),
        ({"pattern": "^a"}, "b", "pattern", "must match the pattern ^a"),
        ({"pattern": "^a", "$comment": "must begin with a"}, "b", "pattern", "must begin with a"),
        ({"not": {"pattern": "b"}}, "b", "not", "b"),
        ({"not": {"pattern": "b", "$comment": "has a b"}}, "b", "not", "has a b"),
        ({"enum": ["x"]}, "b", "enum", "breaks the rule enum"),
        ({"minItems": 2}, [1], "minItems", "breaks the rule minItems: 2"),
        ({"allOf": [{"maxLength": 1}]}, "bb", "maxLength", "at most 1"),
    ],
)
def test_the_message_of_a_finding_does_not_repeat_the_prompt(
    model: Any, value: JsonValue, rule: str, message: str
) -> None:
    (finding,) = find_errors({"prompts": {"A": value}}, schema_of(A=model))

    assert finding.path == ("prompts", "A")
    assert finding.rule == rule
    assert message in finding.message
    assert finding.unusable == (rule == "type")


def test_what_is_missing_is_found_one_by_one_in_the_schemas_order() -> None:
    shot = {"type": "object", "properties": {"x": TEXT}, "required": ["x"]}
    schema = schema_of(A=TEXT, A_A=TEXT, B=shot)

    assert find_errors({}, schema) == [missing(("prompts",))]
    found = find_errors({"prompts": {"A": HERON, "B": {}}}, schema)
    assert [finding.path for finding in found] == [("prompts", "A_A"), ("prompts", "B", "x")]
    assert all(finding.unusable for finding in found)


def test_an_extra_entry_is_reported_by_name() -> None:
    (finding,) = find_errors({"prompts": {"A": HERON, "Z": "", "Y": ""}}, schema_of(A=TEXT))

    assert finding.message == "has entries nobody asked for: Y, Z"
    assert not finding.unusable


def test_of_alternatives_the_one_with_the_type_of_the_value_is_reported() -> None:
    schema = schema_of(A={"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]})

    assert find_errors({"prompts": {"A": None}}, schema) == []
    assert [f.rule for f in find_errors({"prompts": {"A": "long"}}, schema)] == ["maxLength"]
    assert [f.rule for f in find_errors({"prompts": {"A": 5}}, schema)] == ["type", "type"]


def test_a_value_that_matches_two_exclusive_schemas_is_reported() -> None:
    schema = schema_of(A={"oneOf": [{"type": "string"}, {"maxLength": 5}]})

    assert [f.rule for f in find_errors({"prompts": {"A": "a"}}, schema)] == ["oneOf"]


def test_a_list_is_reported_as_one_value() -> None:
    schema = schema_of(A={"type": "array", "items": {"type": "string", "maxLength": 2}})

    (finding,) = find_errors({"prompts": {"A": ["ok", "long"]}}, schema)

    assert finding.path == ("prompts", "A")
    assert pick({"prompts": {"A": ["ok", "long"]}}, finding.path) == ["ok", "long"]


SHOT = {
    "type": "object",
    "properties": {"x": TEXT, "y": TEXT},
    "required": ["x", "y"],
    "additionalProperties": False,
}
THREE = schema_of(A=TEXT, B=SHOT, C={"$ref": "#/$defs/T"})


def test_a_schema_is_narrowed_to_what_leads_to_the_paths() -> None:
    narrowed = narrow(THREE, {("prompts", "B", "y"), ("prompts", "C")})

    assert leaves(narrowed) == [("prompts", "B", "y"), ("prompts", "C")]
    assert narrowed["$defs"] == THREE["$defs"]
    assert narrowed["properties"]["prompts"]["required"] == ["B", "C"]  # type: ignore[index,call-overload]
    assert leaves(narrow(THREE, {("prompts", "B")})) == [
        ("prompts", "B", "x"),
        ("prompts", "B", "y"),
    ]
    assert narrow(THREE, {()}) == THREE
    assert leaves(narrow(THREE, {("prompts", "B", "x", "deeper")})) == [("prompts", "B", "x")]
    assert leaves(THREE)[0] == ("prompts", "A")


def test_extras_are_dropped_where_the_object_is_closed() -> None:
    value: JsonValue = {
        "z": 1,
        "prompts": {"A": "a", "Z": 1, "B": {"x": "", "z": 1}, "C": {"z": 1}},
    }

    assert without_extras(value, THREE) == {"prompts": {"A": "a", "B": {"x": ""}, "C": {"z": 1}}}
    open_ended: JsonValue = {"properties": {"a": SHOT}}
    assert without_extras({"a": {"z": 1}, "b": 2}, open_ended) == {"a": {}, "b": 2}
    assert without_extras("text", THREE) == "text"
    assert without_extras({"a": 1}, {"type": "object"}) == {"a": 1}


def test_a_patch_is_laid_over_the_leaves_and_nothing_else_changes() -> None:
    value: JsonValue = {"a": {"x": 1, "y": [1, 2]}, "b": "kept"}

    assert overlay(value, {"a": {"y": [3]}}) == {"a": {"x": 1, "y": [3]}, "b": "kept"}
    assert overlay(value, {}) == value
    assert overlay({"a": 1}, {"a": {"x": 1}}) == {"a": {"x": 1}}


def test_a_value_is_put_into_the_schemas_order() -> None:
    value: JsonValue = {"q": 0, "prompts": {"C": "", "B": {"y": "", "x": ""}, "A": ""}}

    ordered = in_order(value, THREE)

    assert json.dumps(ordered) == json.dumps(
        {"prompts": {"A": "", "B": {"x": "", "y": ""}, "C": ""}, "q": 0}
    )
    assert in_order("text", THREE) == "text"


def test_a_value_is_picked_by_its_path() -> None:
    assert pick({"a": {"b": 1}}, ("a", "b")) == 1
    assert pick({"a": "text"}, ("a", "b")) is None
    assert pick(5, ()) == 5


keys = st.sampled_from(["prompts", "A", "B", "C", "x", "y", "z"])
replies = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(keys, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=10,
)


@given(reply=replies)
def test_a_reply_has_findings_exactly_if_it_does_not_fit(reply: JsonValue) -> None:
    assert (find_errors(reply, THREE) == []) == Draft202012Validator(THREE).is_valid(reply)


@given(reply=st.dictionaries(keys, replies, max_size=4))
def test_order_and_extras_change_no_value_that_was_requested(reply: dict[str, JsonValue]) -> None:
    kept = without_extras(reply, THREE)

    assert in_order(kept, THREE) == kept
    assert without_extras(kept, THREE) == kept
    assert overlay(kept, kept) == kept
    assert all(pick(kept, leaf) == pick(reply, leaf) for leaf in leaves(THREE))
