"""JSON with `//` comments: comments go, everything else is JSON to the letter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from callsheet.jsonc import MAX_DEPTH, NotJsonError, depth, parse


def result(text: str) -> str:
    with pytest.raises(NotJsonError) as caught:
        parse(text, "a.json")
    assert str(caught.value) == str(caught.value.problem)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} // the end', {"a": 1}),
        ('// first\n{"a": 1}', {"a": 1}),
        ('{"a": 1, // one\n "b": 2}', {"a": 1, "b": 2}),
        ('{"a": "http://example.org"}', {"a": "http://example.org"}),
        ('{"a": "// no comment"}', {"a": "// no comment"}),
        (r'{"a": "\"// still inside"} // "outside"', {"a": '"// still inside'}),
        (r'["\\"] // "x', ["\\"]),
        ('[1 //"\n,2]', [1, 2]),
        ('["a",//"b",\n"c"]', ["a", "c"]),
        ("[]////", []),
        ("null", None),
        ('"é \\u00e9"', "é é"),
    ],
)
def test_a_comment_is_passed_over_and_a_text_is_not(text: str, value: JsonValue) -> None:
    assert parse(text, "a.json") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.json: line 1, column 1: not JSON: Expecting value"),
        ("{not json", "a.json: line 1, column 2: not JSON"),
        ('{"a": 1,}', "a.json: line 1, column "),
        ('// one\n// two\n{"a": /* three */ 1}', "a.json: line 3, column 7: not JSON"),
        ('{"a": 1, // é\n  "b" 2}', "a.json: line 2, column 7: not JSON"),
        ('"unfinished // text', "a.json: line 1, column 1: not JSON: Unterminated string"),
        ('"two\nlines"', "a.json: line 1, column 5: not JSON"),
        ("[NaN]", "a.json: not JSON: NaN is not JSON"),
        ("[-Infinity]", "a.json: not JSON: -Infinity is not JSON"),
        ("[-1e999]", "a.json: not JSON: -1e999 is too large a number"),
        ("[" * 100_000, "a.json: not JSON"),
        ("9" * 5_000, "a.json: not JSON"),
        ("{} {}", "a.json: line 1, column 4: not JSON: Extra data"),
    ],
    ids=lambda text: text[:30],
)
def test_invalid_json_is_reported_with_line_and_column(text: str, message: str) -> None:
    assert result(text).startswith(message)


def test_a_value_may_be_so_deep_and_no_deeper() -> None:
    assert depth(parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "a.json")) == MAX_DEPTH - 1
    too_deep = '{"a":' * (MAX_DEPTH + 2) + "1" + "}" * (MAX_DEPTH + 2)
    assert result(too_deep) == "a.json: nested deeper than 64 levels"


@pytest.mark.parametrize(
    ("value", "levels"), [(1, 0), ([], 0), ([1], 1), ({"a": [1]}, 2), ([[], [[]], {"a": 1}], 2)]
)
def test_depth_counts_the_levels_of_a_value(value: JsonValue, levels: int) -> None:
    assert depth(value) == levels


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
comments = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"))


@given(value=json_values, comment=comments, indent=st.sampled_from([None, 1]))
def test_any_json_with_comments_behind_its_lines_reads_as_without(
    value: JsonValue, comment: str, indent: int | None
) -> None:
    lines = json.dumps(value, indent=indent, ensure_ascii=False).split("\n")

    assert parse("\n".join(f"{line} //{comment}" for line in lines), "a.json") == value


@given(text=st.text(alphabet='{}[]":,/\\\n 1anul'))
def test_any_text_is_parsed_or_reported_as_invalid(text: str) -> None:
    try:
        value = parse(text, "a.json")
    except NotJsonError:
        return
    assert parse(json.dumps(value), "a.json") == value
