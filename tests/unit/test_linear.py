"""Every check takes time in proportion to a text's length, whatever the text consists of."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from callsheet.catalog.autofix import autofix
from callsheet.catalog.formats import built_in
from callsheet.catalog.formats.format import LONGEST
from callsheet.catalog.rules import find_errors, find_warnings
from callsheet.errors import CallsheetError
from callsheet.exports.csv_cells import escape_cell
from callsheet.exports.syntax import FORMS, escaped, misread
from callsheet.exports.texts import code_fence, one_line
from callsheet.fidelity.facts import draw_facts
from callsheet.fidelity.judging import judge, judge_motion
from callsheet.jsonc import NotJsonError, parse
from callsheet.llm.reply_parser import has_object
from callsheet.llm.reply_reader import read_reply
from callsheet.loader.bundle import load_workflow
from callsheet.loader.rendering import render_schema
from callsheet.patterns import patterns_in, search
from callsheet.questions import Question, parse_answer
from callsheet.templates import fill

SIGNS = ("\n", " ", ",", "[", "(", '"', "\u201c", ". ", "a\u0301", "1")
"""What the rules of every format must bear."""

UNITS = (
    *SIGNS, "\r\n", "  \n", "]", ")", "[]", "<", "{", "'", "`", "```", ", ", ":", "::", " --", "**",
    "a", "A", "(:", "[a](", "**a", "<a ", "<insert ", "[your ", "<lora:a", "says ", "no ", "shot\n",
    "camera slowly ", "slowly ", "shot 1\n", "lantern ", "in the style of A", "\\(", "BREAK ", "--a ",
    "x--a", "remov", "aspect ratio ", "16:9 ", "static ", "\u2028",
)  # fmt: skip
"""And the beginnings of what the rules search for."""

STARTED = (
    ("```", "a"), ("<", "a"), ("(:", "1"), ("camera ", "slowly "), ("a --iw ", "1"), ("--ar ", "1"),
    ("aspect ratio ", " "), ("1", " "), ("BREAK", ","), ("says ", "a "), ("in the style of A", "a "),
)  # fmt: skip
"""A beginning that stands once, and what follows it again and again."""

HOSTILE = (*(("", unit) for unit in UNITS), *STARTED)

LEADING = ("plain-text", "midjourney-8.2", "kling-clip", "danbooru-tags")
"""Formats that together have nearly all rules."""

SIZE = 1_000
SLACK = 0.003
"""Seconds that no measurement is sure of; what grows with the square takes longer."""

REPLY: Any = {
    "properties": {
        "prompts": {"properties": {"a": {"type": "string"}, "c": {"properties": {"b": {}}}}},
        "b": {"type": "string"},
    }
}

Work = Callable[[str], object]


def seconds(work: Work, text: str) -> float:
    began = time.thread_time()
    with suppress(CallsheetError, NotJsonError):
        work(text)
    return time.thread_time() - began


def growth(work: Work, start: str, unit: str, size: int) -> str:
    """What was measured, where four times the text takes more than eight times as long."""
    for attempt in range(1, 6):
        # The end differs, so that no cached result is measured.
        ends = ["!" * (10 * attempt + turn) for turn in range(attempt)]
        once, longer = (
            min(seconds(work, start + unit * (length // len(unit)) + end) for end in ends)
            for length in (size, 4 * size)
        )
        if longer <= 8 * once + SLACK:
            return ""
    return f"{start!r} and many {unit!r}: {once:.4f} s, four times as many: {longer:.4f} s"


def assert_linear(work: Work, hostile: Any = HOSTILE, size: int = SIZE) -> None:
    found = [growth(work, start, unit, size) for start, unit in hostile]
    assert not [each for each in found if each]


def test_a_search_that_grows_with_the_square_is_noticed() -> None:
    import re

    slow = re.compile(r"^\s*x", re.MULTILINE)
    with pytest.raises(AssertionError, match="four times as many"):
        assert_linear(slow.search, [("", "\n")], size=2_000)


@pytest.mark.parametrize("name", built_in())
def test_the_rules_of_a_format_take_time_in_proportion_to_the_text(name: str) -> None:
    checked = built_in()[name]
    hostile = HOSTILE if name in LEADING else [("", sign) for sign in SIGNS]
    assert_linear(lambda text: list(checked.judge(text)), hostile)


@pytest.mark.parametrize("name", ["kling-clip", "motion-text"])
def test_comparing_takes_time_in_proportion_to_both_texts(name: str) -> None:
    compare = built_in()[name].compare
    assert compare is not None
    assert_linear(lambda text: list(compare(text, {"picture": text})), size=600)


@pytest.mark.parametrize("name", ["plain-text", "midjourney-8.2"])
def test_correcting_takes_time_in_proportion_to_the_text(name: str) -> None:
    assert_linear(lambda text: autofix(text, {"format": name}))


def patterns_of_workflows() -> list[str]:
    found: dict[str, None] = {}
    for workflow in ("oms", "studio"):
        bundle = load_workflow(workflow)
        names = [group.name for group in bundle.resources.catalog.groups()]
        for name in names:
            found |= {text: None for _, text in patterns_in(render_schema(bundle, [name]))}
    return list(found)


@pytest.mark.parametrize("pattern", patterns_of_workflows())
def test_the_patterns_of_the_workflows_take_time_in_proportion_to_the_text(pattern: str) -> None:
    assert_linear(lambda text: search(pattern, text), size=6_000)


@pytest.mark.parametrize(
    "read",
    [
        has_object,
        lambda text: read_reply(text, REPLY),
        lambda text: read_reply('{"prompts": {"a": ' + text, REPLY),
        lambda text: read_reply('{"a": [' + text, REPLY, growing=True),
        lambda text: parse(text, "file.json"),
        lambda text: parse('{"a": "' + text, "file.json"),
    ],
)
def test_reading_json_takes_time_in_proportion_to_the_text(read: Work) -> None:
    more = [("", '{"a":'), ("", '{"a":{}} '), ("", '"\\'), ("", "{ "), ("", '{"a":1,'), ("", "//"),
            ("", '{"a":x '), ("", '"a": "x" y'), ("", '{"a":x "b":1'), ("", "</think>"), ("", "[{")]  # fmt: skip
    assert_linear(read, [*HOSTILE, *more], size=6_000)


def _read_by_tools(text: str) -> None:
    for form in FORMS:
        list(misread(text, form))
        escaped(text, form)


@pytest.mark.parametrize("write", [code_fence, one_line, escape_cell, _read_by_tools])
def test_exporting_takes_time_in_proportion_to_the_text(write: Work) -> None:
    assert_linear(write, size=6_000)


@pytest.mark.parametrize(
    "filters",
    [
        "phrase",
        "title",
        "truncate(20)",
        "has('no')",
        "trim",
        "wordcount",
        "unique|list",
        "tags",
        "clip(idea)",
    ],
)
def test_filling_a_template_takes_time_in_proportion_to_the_text(filters: str) -> None:
    template = f"{{{{ idea|{filters} }}}}"
    assert_linear(lambda text: fill(template, {"idea": text}), size=6_000)


def test_reading_a_template_takes_time_in_proportion_to_its_length() -> None:
    more = [("", "{{ a }}"), ("", "{% if a %}"), ("", "{#"), ("", "{{ '"), ("{{ ", "(")]
    assert_linear(lambda text: fill(text, {"a": "a"}), [*HOSTILE, *more], size=2_000)


IDEA = 'two red herons and an old boat, no people, on the left a sign says "Ferry", at night'

IDEA_UNITS = (
    *SIGNS, "]", ")", "<", "'", "\r\n", "no ", "not a ", "without ", "a heron ", "two ", "red ", "and ", "or ",
    "a heron and ", "on the left ", "left of a boat ", "says ", "says \"", "\"a\" ", "in the style of ", "New ",
    "no heron ", "no heron or boat ", "a heron left of a boat ", "gold ", "coffee cup ", "A", "a-", "of ", "the ", "at night ", "12 ", "camera ",
)  # fmt: skip
"""What an idea and a prompt may repeat: signs, and the words at which facts begin."""

IDEA_HOSTILE = (
    *(("", unit) for unit in IDEA_UNITS), ("no ", "a "), ("no ", ", "), ("says \"", "a "), ("two ", "red "),
    ("in the style of ", "A "), ("a heron left of ", "a "), ("A ", "New "),
)  # fmt: skip


def test_drawing_the_facts_of_an_idea_takes_time_in_proportion_to_it() -> None:
    assert_linear(draw_facts, IDEA_HOSTILE, size=2_000)


@pytest.mark.parametrize("idea", [IDEA, ", ".join(f"a red boat {n}" for n in range(40))])
def test_judging_a_prompt_by_an_idea_takes_time_in_proportion_to_it(idea: str) -> None:
    facts = draw_facts(idea)
    assert_linear(lambda text: judge(facts, text), IDEA_HOSTILE, size=4_000)


def test_judging_a_motion_prompt_takes_time_in_proportion_to_both_texts() -> None:
    facts = draw_facts(IDEA)
    assert_linear(lambda text: judge_motion(facts, text, text), IDEA_HOSTILE, size=2_000)


@pytest.mark.parametrize("kind", ["text", "paste", "choice", "choices", "picture"])
def test_reading_an_answer_takes_time_in_proportion_to_it(kind: Any) -> None:
    question = Question("idea", kind, "?", max_length=10**6, pattern="[a-z ]*[0-9]?")
    assert_linear(lambda text: parse_answer(question, text), size=6_000)


def test_a_text_far_longer_than_its_limit_is_judged_by_its_length_alone() -> None:
    node: Any = {"type": "string", "maxLength": 1_000, "pattern": "x", "format": "midjourney-8.2"}
    schema = {"type": "object", "properties": {"a": node}, "required": ["a"]}

    (finding,) = find_errors({"a": "[" * 4_001}, schema)
    assert (finding.rule, finding.message) == (
        "maxLength",
        "has 4,001 characters; at most 1,000 are read",
    )
    assert find_warnings({"a": "[" * 4_001}, schema) == []
    assert len(find_errors({"a": "[" * 4_000}, schema)) > 1
    assert autofix("a  --ar\n" * 1_000, node) == "a  --ar\n" * 1_000


@pytest.mark.parametrize(
    "node", [{"format": "plain-text"}, {"pattern": "a"}, {"not": {"pattern": "a"}}]
)
def test_a_text_without_a_limit_has_one_all_the_same(node: Any) -> None:
    (finding,) = find_errors("a" * 100_000, {"type": "string", **node})
    assert finding.message == f"has 100,000 characters; at most {LONGEST:,} are read"


def test_a_list_is_checked_for_duplicates_in_time_in_proportion_to_it() -> None:
    schema = {"type": "array", "uniqueItems": True}

    def check(text: str) -> None:
        assert find_errors([[n, str(n)] if n % 2 else n for n in range(len(text))], schema) == []

    assert_linear(check, [("", "a")], size=4_000)
    assert find_errors([1, True, "1", [1], [True], {"a": 1}], schema) == []
    assert len(find_errors([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}], schema)) == 1
