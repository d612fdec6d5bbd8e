"""What an LLM wrote is read whatever stands around it, and no text makes the reader fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.llm.replies import finished_part, first_object

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


@given(st.integers(0, len(TEXT)))
def test_what_is_finished_in_a_cut_reply_is_never_half_a_value(end: int) -> None:
    prompts = finished_part(TEXT[:end]).get("prompts", {})
    assert isinstance(prompts, dict)
    assert all(VALUE["prompts"][name] == text for name, text in prompts.items())


@given(st.text(max_size=300))
def test_no_text_makes_the_readers_fail(text: str) -> None:
    for read in (first_object, finished_part):
        assert isinstance(read(text), dict | None)


@given(st.sampled_from(["{", '{"a":', "[", '{"', "\\u"]), st.integers(1, 100_000))
def test_no_depth_makes_the_readers_fail(piece: str, times: int) -> None:
    text = piece * min(times, 1_000_000 // len(piece))
    assert first_object(text) is None
    assert isinstance(finished_part(text), dict)
