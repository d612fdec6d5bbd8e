"""A person's words become an answer that fits its question, or are refused with help."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from callsheet.errors import AnswerError
from callsheet.modules.user.form import FormField
from callsheet.questions import MAX_PASTE, Kind, Option, Question, parse_answer

IDEA = Question("idea", "text", "What is shown?", max_length=40)
FIVE = tuple(Option(name, name.title()) for name in ("ant", "bee", "cat", "dog_a", "Elk"))
GROUPS = Question("groups", "choices", "Which groups?", options=FIVE)
REVIEW = Question("review", "choice", "Accept?", default="ant", options=FIVE)
PASTE = Question("reply", "paste", "Paste the reply")

texts = st.text(st.characters(), max_size=60)  # surrogates and controls too
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=4)
)


def refusal(question: Question, answer: JsonValue) -> str:
    """What is said about an answer that does not fit."""
    with pytest.raises(AnswerError) as caught:
        parse_answer(question, answer)
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("a heron", "a heron"),
        ("  a heron \n", "a heron"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("a cat 🐈‍⬛ under ☔", "a cat 🐈‍⬛ under ☔"),
        ("雨の窓", "雨の窓"),
        ("x" * 40, "x" * 40),
        ("none", "none"),
    ],
)
def test_a_text_is_kept_unchanged_except_for_surrounding_spaces(answer: str, kept: str) -> None:
    assert parse_answer(IDEA, answer) == kept


@pytest.mark.parametrize("answer", ["", " ", "\n\t  ", "\u3000"])
def test_an_empty_text_is_the_default_or_is_rejected_without_one(answer: str) -> None:
    assert parse_answer(replace(IDEA, default="a heron"), answer) == "a heron"
    assert "`idea` is empty" in refusal(IDEA, answer)


def test_a_text_beyond_the_limit_is_rejected_naming_the_limit() -> None:
    assert "has 200,000 characters; the limit is 40" in refusal(IDEA, "x" * 200_000)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b"])
def test_a_control_character_is_rejected_with_its_code_point(character: str) -> None:
    assert f"U+{ord(character):04X}" in refusal(IDEA, f"a{character}b")


@pytest.mark.parametrize("character", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_text_direction_character_is_rejected(character: str) -> None:
    assert f"U+{ord(character):04X}" in refusal(IDEA, f"a{character}b")


@pytest.mark.parametrize("end", ["\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_line_end_inside_a_text_is_folded_to_a_line_feed(end: str) -> None:
    assert parse_answer(IDEA, f"a heron{end}at dawn") == "a heron\nat dawn"


def test_a_byte_order_mark_before_a_text_is_no_part_of_it() -> None:
    assert parse_answer(IDEA, "\ufeffa heron") == "a heron"


def test_a_byte_that_is_no_text_is_named_as_such() -> None:
    answer = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert "contains the byte 0xE9, which is not UTF-8 text" in refusal(IDEA, answer)


@pytest.mark.parametrize("character", [0xD800, 0xDC00, 0xDFFF])
def test_a_lone_surrogate_is_rejected(character: int) -> None:
    assert f"U+{character:04X}" in refusal(IDEA, f"a{chr(character)}")


def test_a_text_must_have_the_form_that_its_question_wants() -> None:
    ratio = replace(IDEA, key="ratio", pattern=r"\d+:\d+", hint="as 2:3")

    assert parse_answer(ratio, " 2:3 ") == "2:3"
    assert refusal(ratio, "tall") == "'tall' is not a valid `ratio` (as 2:3)"
    assert "as 2:3" in refusal(ratio, "2:3 and more")


@pytest.mark.parametrize("answer", [None, 5, True, ["a"], {"a": "b"}])
def test_an_answer_that_is_not_text_is_rejected(answer: JsonValue) -> None:
    assert "must be text" in refusal(IDEA, answer)


@pytest.mark.parametrize(
    ("answer", "chosen"), [("1", "ant"), ("elk", "Elk"), ("", "ant"), ("  ", "ant"), (["bee"], "bee")]
)  # fmt: skip
def test_a_choice_is_one_option_or_the_default(answer: JsonValue, chosen: str) -> None:
    assert parse_answer(REVIEW, answer) == chosen


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("1,2", "exactly one option is required, not 2"),
        ("all", "exactly one option is required, not 5"),
        ("6", "'6' is out of range (enter a number from 1 to 5)"),
        ([], "nothing was selected"),
    ],
)
def test_a_single_choice_rejects_several_options_or_none(answer: JsonValue, result: str) -> None:
    assert result in refusal(REVIEW, answer)


def test_a_choice_without_default_wants_an_answer() -> None:
    assert "nothing was selected" in refusal(replace(REVIEW, default=None), "")


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("1,2", ["ant", "bee"]),
        ("1 2", ["ant", "bee"]),
        ("1, 2", ["ant", "bee"]),
        ("2,1", ["ant", "bee"]),
        (" 3 ", ["cat"]),
        ("2,,4,", ["bee", "dog_a"]),
        ("bee", ["bee"]),
        ("BEE, Cat, eLK", ["bee", "cat", "Elk"]),
        ("dog_a", ["dog_a"]),
        ("2-4", ["bee", "cat", "dog_a"]),
        ("1-1", ["ant"]),
        ("1-2 5", ["ant", "bee", "Elk"]),
        ("2-4,3-5", ["bee", "cat", "dog_a", "Elk"]),
        ("all", ["ant", "bee", "cat", "dog_a", "Elk"]),
        ("ALL", ["ant", "bee", "cat", "dog_a", "Elk"]),
        ("1,1,ant", ["ant"]),
        (["cat", "ant"], ["ant", "cat"]),
        ([2, "3"], ["bee", "cat"]),
        (2, ["bee"]),
    ],
    ids=str,
)
def test_choices_are_numbers_names_ranges_or_all_in_the_options_order(
    answer: JsonValue, chosen: list[str]
) -> None:
    assert parse_answer(GROUPS, answer) == chosen


@pytest.mark.parametrize("answer", ["0", "6", "1,6", "00", "4-2", "0-2", "3-9", "9999", "0-0"])
def test_a_number_out_of_range_is_rejected_with_the_range(answer: str) -> None:
    assert "is out of range (enter a number from 1 to 5)" in refusal(GROUPS, answer)


@pytest.mark.parametrize(
    "answer", ["1,x", "-1", "1-", "1--2", "²", "٣", "10000", "1.5", "a-b", [""]]
)
def test_a_word_that_is_not_an_option_is_rejected(answer: JsonValue) -> None:
    assert "is neither a number nor a known name" in refusal(GROUPS, answer)


def test_an_unknown_name_lists_the_known_ones_nearest_first() -> None:
    assert "(known: cat, ant, bee, dog_a, Elk)" in refusal(GROUPS, "catt")
    assert "(known: Elk, ant, " in refusal(GROUPS, "elkk")


@pytest.mark.parametrize("answer", ["", "  ", ",", " , ", [], None])
def test_an_empty_selection_is_rejected_without_a_previous_one(answer: JsonValue) -> None:
    assert "nothing was selected" in refusal(GROUPS, answer)
    assert parse_answer(replace(GROUPS, default=["bee", "cat"]), answer) == ["bee", "cat"]


@pytest.mark.parametrize("answer", ["none", "NONE", "None", " none ", ["none"], []])
def test_none_is_an_answer_only_where_the_question_may_be_skipped(answer: JsonValue) -> None:
    assert parse_answer(replace(GROUPS, may_skip=True, default=["ant"]), answer) == []
    assert refusal(GROUPS, answer)


def test_none_together_with_a_selection_is_rejected() -> None:
    assert "'none' is neither" in refusal(replace(GROUPS, may_skip=True), "none,1")


def test_an_option_may_bear_a_name_that_means_something_else() -> None:
    options = (Option("2", "two"), Option("all", "every"), Option("x", "x"))
    odd = replace(GROUPS, options=options)

    assert parse_answer(odd, "2") == ["2"]
    assert parse_answer(odd, "all") == ["all"]


@pytest.mark.parametrize("answer", ["", "  \n ", None, 5])
def test_an_empty_paste_is_rejected(answer: JsonValue) -> None:
    assert "nothing was pasted" in refusal(PASTE, answer)


def test_a_paste_is_kept_unchanged_up_to_the_limit() -> None:
    assert parse_answer(PASTE, " {}\r\n\x07 ") == " {}\r\n\x07 "
    assert parse_answer(PASTE, "x" * MAX_PASTE)
    assert "the limit is 1,000,000" in refusal(PASTE, "x" * (MAX_PASTE + 1))


def test_a_refused_answer_is_quoted_in_part_and_without_control_characters() -> None:
    result = refusal(GROUPS, "\x1b[2J" + "y" * 10_000)

    assert "\x1b" not in result
    assert len(result) < 200


words = st.sampled_from(["1", "5", "6", "2-4", "ant", "ELK", "all", "none", ",", "-", "x"])


@given(answer=texts | st.lists(words).map(" ".join) | json_values)
def test_any_words_select_options_in_their_order_or_are_rejected(answer: JsonValue) -> None:
    names = [option.name for option in FIVE]
    for question in (GROUPS, replace(GROUPS, may_skip=True, default=["bee"])):
        try:
            chosen = parse_answer(question, answer)
        except AnswerError:
            continue
        assert isinstance(chosen, list)
        assert chosen == [name for name in names if name in chosen]
        assert chosen or question.may_skip


@given(answer=texts | json_values)
def test_any_text_is_returned_without_control_characters_or_rejected(answer: JsonValue) -> None:
    try:
        kept = parse_answer(IDEA, answer)
    except AnswerError:
        return
    assert isinstance(kept, str)
    assert isinstance(answer, str)
    folded = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", answer.removeprefix("\ufeff"))
    assert kept == folded.strip() != ""
    assert kept.encode()
    assert all(character >= " " or character in "\n\t" for character in kept)


options = st.builds(Option, name=texts, label=texts, detail=texts)
kinds: list[Kind] = ["text", "choice", "choices", "paste"]
every_question = st.builds(
    Question,
    key=texts,
    kind=st.sampled_from(kinds),
    text=texts,
    default=json_values,
    options=st.lists(options, max_size=3).map(tuple),
    max_length=st.integers(0, 10**6),
    pattern=texts,
    hint=texts,
    may_skip=st.booleans(),
    show=st.dictionaries(texts, json_values, max_size=3) | json_values,
)


@given(question=every_question)
def test_a_question_survives_conversion_to_json_and_back(question: Question) -> None:
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question


def test_a_question_of_another_form_is_rejected() -> None:
    with pytest.raises(TypeError):
        Question.from_json({"key": "a", "kind": "text"})
    with pytest.raises(TypeError):
        Question.from_json({"key": "a", "kind": "text", "text": "b", "colour": "red"})


def test_a_form_without_a_possible_answer_is_rejected_before_it_is_asked() -> None:
    assert FormField(key="ratio", text="Ratio?", pattern=r"\d+").pattern == r"\d+"
    with pytest.raises(ValidationError, match="not a regular expression"):
        FormField(key="ratio", text="Ratio?", pattern="(")
