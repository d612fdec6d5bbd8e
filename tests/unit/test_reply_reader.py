"""What an LLM wrote is read whatever stands around it, and no text makes the reader fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.llm.reply_parser import finished_values, first_object

VALUE = {"prompts": {"A": "a } in a { string", "B": 'quote " and \\ and 雨'}}
TEXT = json.dumps(VALUE, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(VALUE, indent=2),
        f"```json\n{TEXT}\n```",
        f"Here you are: {TEXT} Enjoy {{it}}!",
        f"I use {{braces}} first. {TEXT}",
        f"\ufeff{TEXT}",
    ],
)
def test_the_first_complete_object_is_found(text: str) -> None:
    assert first_object(text) == VALUE


@pytest.mark.parametrize(
    "text", ["", "no object", "[1, 2]", "{", TEXT[:-1], TEXT[: len(TEXT) // 2]]
)
def test_what_is_not_complete_is_no_object(text: str) -> None:
    assert first_object(text) is None


WHOLE = {
    "prompts": {
        "A": "a } in a { string",
        "B": {"wide": 'quote " and \\ and 雨', "near": ["one", "two"]},
        "C": 1250,
        "D": {},
        "E": None,
    },
    "kind": True,
}


def _paths(value: object, at: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    """Every value by its path, found the plain way."""
    found: dict[tuple[str, ...], object] = {at: value}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= _paths(inner, (*at, name))
    return found


@pytest.mark.parametrize("text", [json.dumps(WHOLE), json.dumps(WHOLE, indent=2)])
def test_each_value_is_finished_with_its_own_last_character(text: str) -> None:
    whole = _paths(WHOLE)
    seen: list[tuple[str, ...]] = []
    for end in range(len(text) + 1):
        found = finished_values(text[:end])
        assert all(whole[path] == value for path, value in found.items())
        seen += [path for path in found if path not in seen]
        assert set(found) == set(seen)  # what was finished stays so

    assert seen[:4] == [
        ("prompts", "A"),
        ("prompts", "B", "wide"),
        ("prompts", "B", "near"),
        ("prompts", "B"),
    ]
    assert set(seen) == set(whole)
    assert seen[-1] == ()


def test_a_number_is_finished_only_by_what_follows_it() -> None:
    assert finished_values('{"a": 12') == {}
    assert finished_values('{"a": 12,') == {("a",): 12}


@pytest.mark.parametrize("before", ["Here {you} are: ", "```json\n", "\ufeff"])
def test_text_before_the_json_object_is_ignored(before: str) -> None:
    assert finished_values(before + TEXT[:-2])[("prompts", "B")] == VALUE["prompts"]["B"]


@pytest.mark.parametrize(
    "text", ['{"a": 1 "b": 2}', '{"a" 1}', "{a: 1}", '{"a": }', '["a"]', '{"a": "one\ntwo"}']
)
def test_what_is_no_json_is_never_finished(text: str) -> None:
    found = finished_values(text)
    assert () not in found
    assert ("b",) not in found


@given(st.text(max_size=300))
def test_no_text_makes_the_readers_fail(text: str) -> None:
    assert isinstance(first_object(text), dict | None)
    assert isinstance(finished_values(text), dict)


@given(st.sampled_from(["{", '{"a":', "[", '{"', "\\u"]), st.integers(1, 100_000))
def test_no_depth_makes_the_readers_fail(piece: str, times: int) -> None:
    text = piece * min(times, 1_000_000 // len(piece))
    assert first_object(text) is None
    assert finished_values(text) == {}
