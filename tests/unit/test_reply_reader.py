"""What an LLM wrote is read whatever stands around it, and no text makes the reader fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callsheet.llm.reply_parser import has_object
from callsheet.llm.reply_reader import read_reply, text_being_written

TEXT: Any = {"type": "string"}


def schema_of(**models: Any) -> Any:
    return {"type": "object", "properties": {"prompts": {"type": "object", "properties": models}}}


PAIR = {"type": "object", "properties": {"prompt": TEXT, "negative_prompt": TEXT}}
SCHEMA = schema_of(SORA_2_A=TEXT, SORA_1_A=TEXT, SD_B=TEXT, QWEN=PAIR)
GOOD = {
    "prompts": {
        "SORA_2_A": 'A heron } in { the reeds, "still", at dawn',
        "SORA_1_A": "It says: \\ and 雨,\nand {more}",
        "SD_B": "1girl, figure \\(anime\\), (reeds:1.2)",
        "QWEN": {"prompt": "a door, ajar", "negative_prompt": "blur, text"},
    }
}
WHOLE = json.dumps(GOOD, ensure_ascii=False)
VALUES = {
    ("prompts", "SORA_2_A"): GOOD["prompts"]["SORA_2_A"],
    ("prompts", "SORA_1_A"): GOOD["prompts"]["SORA_1_A"],
    ("prompts", "SD_B"): GOOD["prompts"]["SD_B"],
    ("prompts", "QWEN", "prompt"): "a door, ajar",
    ("prompts", "QWEN", "negative_prompt"): "blur, text",
}
DRAFT = json.dumps({"prompts": {"SORA_2_A": "a first draft", "SORA_1_A": "another one"}})


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        json.dumps(GOOD, indent=2),
        f"```json\n{WHOLE}\n```",
        f"Here you are: {WHOLE} Enjoy {{it}}!",
        f'I use {{braces}} and {{"a": 1}} first. {WHOLE}',
        f"\ufeff{WHOLE}",
        f'<think>Perhaps {{"a": 1}}, or {DRAFT}?</think>\n{WHOLE}',
        f"Perhaps {DRAFT}</think>\n{WHOLE}",
        f"<THINKING>{WHOLE[:50]}</Thinking>{WHOLE}",
        f"<thought>{DRAFT}</thought><think>{DRAFT}</think>{WHOLE}",
        f"[THINK]{DRAFT}[/THINK]{WHOLE}",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final"
        f" <|constrain|>json<|message|>{WHOLE}<|return|>",
        f"First: {DRAFT}\nNow better: {WHOLE}",
    ],
)
def test_the_answer_is_found_among_thoughts_and_other_text(text: str) -> None:
    read = read_reply(text, SCHEMA)
    assert read.values == VALUES
    assert read.complete
    assert read.mended == ()
    assert has_object(text)


@pytest.mark.parametrize("text", ["", "no object", "[1, 2]", "{", WHOLE[: len(WHOLE) // 2]])
def test_what_is_not_complete_is_no_object(text: str) -> None:
    assert not has_object(text)
    assert not read_reply(text, SCHEMA).complete


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (WHOLE.replace("\\n", "\n"), "line break"),
        (WHOLE.replace("\\\\(", "\\(").replace("\\\\)", "\\)"), "escape"),
        (WHOLE.replace('"}', '",}'), "comma too many"),
        (WHOLE.replace('", "SORA_1', '"\n"SORA_1'), "missing comma"),
        (repr(GOOD), "single quotes"),
        (WHOLE[:-1], "bracket"),
        (WHOLE[:-3], "bracket"),
        (json.dumps(GOOD["prompts"]), "wrapper"),
        (json.dumps({"prompts": GOOD}), "wrapper"),
        (json.dumps([GOOD]), "wrapper"),
        (json.dumps({"response": GOOD}), "wrapper"),
        (WHOLE.lower().replace("aria", "aria"), "`sora_2_a` for `SORA_2_A`"),
        (WHOLE.replace("SORA_2_A", "Sora 2 A"), "`Sora 2 A` for `SORA_2_A`"),
        (json.dumps({"prompts": [{k: v} for k, v in GOOD["prompts"].items()]}), "wrapper"),
    ],
)  # fmt: skip
def test_a_reply_of_nearly_the_right_form_is_put_right_and_says_what_was(
    damaged: str, words: str
) -> None:
    read = read_reply(damaged, SCHEMA)
    assert {path: str(v).lower() for path, v in read.values.items()} == {
        path: v.lower() for path, v in VALUES.items()
    }
    assert any(words in each for each in read.mended), read.mended


@pytest.mark.parametrize(
    "value",
    [{"prompt": "a heron"}, {"SORA_2_A": "a heron"}, ["a heron"], [{"text": "a heron"}],
     {"prompt": "a heron", "reason": "it fits"}],
)  # fmt: skip
def test_a_text_in_an_object_or_a_list_of_its_own_is_taken_out(value: Any) -> None:
    read = read_reply(json.dumps({"prompts": {"SORA_2_A": value}}), SCHEMA)
    assert read.values == {("prompts", "SORA_2_A"): "a heron"}
    assert read.mended == ("an object or a list for the text `SORA_2_A`",)


def test_a_list_that_names_its_models_is_understood() -> None:
    listed = [
        {"model": "SORA_2_A", "prompt": "a heron"},
        {"model": "Qwen", "prompt": "a door", "negative_prompt": "blur"},
    ]
    assert read_reply(json.dumps({"prompts": listed}), SCHEMA).values == {
        ("prompts", "SORA_2_A"): "a heron",
        ("prompts", "QWEN", "prompt"): "a door",
        ("prompts", "QWEN", "negative_prompt"): "blur",
    }


@pytest.mark.parametrize(
    "value",
    [
        {"prompts": {"SORA_2_A": ["a heron", "a door"]}},
        {"prompts": {"SORA_2_A": {"reason": "none"}}},
        {"first": {"SORA_2_A": "a heron"}, "second": {"SORA_2_A": "a door"}},
        {"prompts": ["a heron", "a door", "a lake"]},
        {"prompts": {"OTHER": {"prompt": "a heron", "negative_prompt": "blur"}}},
        {"error": "I cannot write this"},
    ],
)
def test_what_could_be_meant_in_several_ways_is_not_guessed(value: Any) -> None:
    assert read_reply(json.dumps(value), SCHEMA).values == {}


@pytest.mark.parametrize("form", ['{"prompt": "a heron"}', '{"prompts": "a heron"}'])
def test_the_only_prompt_that_was_asked_for_needs_no_name(form: str) -> None:
    assert read_reply(form, schema_of(A=TEXT)).values == {("prompts", "A"): "a heron"}
    assert read_reply('{"error": "no"}', schema_of(A=TEXT)).values == {}


def test_a_reply_in_several_objects_is_put_together() -> None:
    parts = "\n".join(json.dumps({name: value}) for name, value in GOOD["prompts"].items())
    assert read_reply(parts, SCHEMA).values == VALUES


def test_each_value_is_finished_once_what_follows_shows_its_end() -> None:
    seen: list[tuple[str, ...]] = []
    for text in (WHOLE, json.dumps(GOOD, indent=2), repr(GOOD)):
        seen.clear()
        for end in range(len(text) + 1):
            found = read_reply(text[:end], SCHEMA, growing=True).values
            assert all(VALUES[path] == value for path, value in found.items())
            seen += [path for path in found if path not in seen]
            assert set(found) == set(seen)  # what was finished stays so
        assert seen == list(VALUES)


def test_nothing_is_finished_while_the_llm_thinks() -> None:
    assert read_reply(f"<think>{WHOLE} ", SCHEMA, growing=True).values == {}
    assert read_reply(f"<think>{WHOLE}", SCHEMA).values == VALUES  # it never stopped thinking


def test_a_quotation_mark_inside_a_text_never_ends_it_early() -> None:
    broken = WHOLE.replace('\\"still\\"', '"still"')
    rest = {path: value for path, value in VALUES.items() if path[1] != "SORA_2_A"}
    assert read_reply(broken, SCHEMA).values == rest
    for end in range(len(broken)):
        assert ("prompts", "SORA_2_A") not in read_reply(broken[:end], SCHEMA, growing=True).values


def test_a_number_is_finished_only_by_what_follows_it() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert read_reply('{"a": 12', schema).values == {}
    assert read_reply('{"a": 12,', schema, growing=True).values == {}
    assert read_reply('{"a": 12}', schema).values == {("a",): 12}


def _spoilt(text: str, number: int) -> str:
    """The text with one of the damages that replies have."""
    damages: list[Callable[[str], str]] = [
        lambda t: t,
        lambda t: f'<think>{{"a": 1}} {DRAFT}</think>{t}',
        lambda t: f"{DRAFT}\n</think>\n{t}",
        lambda t: f"```json\n{t}\n```\nEnjoy {{it}}!",
        lambda t: t.replace("\\n", "\n"),
        lambda t: re.sub(r"\\\\([()])", r"\\\1", t),
        lambda t: re.sub(r'"(?=[\s}]*\Z)', '",', t),
        lambda t: re.sub(r'",(\s*)"(?=[A-Z])', r'"\1"', t),
        lambda t: t.rstrip("}\n "),
        lambda t: f"[{t}]",
        lambda t: f'{{"prompts": {t}}}',
        lambda t: re.sub(r'\{\s*"prompts": ', "", t, count=1),
        lambda t: re.sub(r'"(SORA|SD|QWEN)[^"]*":', lambda m: m[0].lower().replace("_", " "), t),
        lambda t: re.sub(r'("S[A-Z0-9_]*": )("(?:[^"\\]|\\.)*")', r'\1{"prompt": \2}', t),
    ]
    return damages[number % len(damages)](text)


_texts = st.text(st.sampled_from("ab cd, .:;'{}[]()\\\n雨-"), min_size=1, max_size=30)
_replies = st.builds(
    lambda a, b, c, d, e: {
        "prompts": {
            "SORA_2_A": a,
            "SORA_1_A": b,
            "SD_B": c,
            "QWEN": {"prompt": d, "negative_prompt": e},
        }
    },
    *([_texts] * 5),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(_replies, st.integers(0, 13), st.integers(0, 13), st.sampled_from([None, 1]))
def test_no_damage_that_replies_have_costs_a_prompt(
    reply: Any, first: int, second: int, indent: int | None
) -> None:
    text = _spoilt(json.dumps(reply, ensure_ascii=False, indent=indent), min(first, second))
    text = _spoilt(text, max(first, second))
    wanted = _values_of(reply)
    found = read_reply(text, SCHEMA).values
    assert found == wanted


def _values_of(reply: Any) -> dict[tuple[str, ...], str]:
    prompts = reply["prompts"]
    flat = {("prompts", name): text for name, text in prompts.items() if name != "QWEN"}
    return flat | {("prompts", "QWEN", name): text for name, text in prompts["QWEN"].items()}


def test_a_stray_quotation_mark_swallows_no_other_prompt() -> None:
    whole = {"SORA_1_A": "a heron: dawn", "SD_B": "heron, reeds"}
    qwen = {"prompt": "a heron", "negative_prompt": "the ']"}
    text = json.dumps({"prompts": {"SORA_2_A": "a heron", **whole, "QWEN": qwen}})
    damaged = text.replace('"a heron"', '\'"a heron"', 1)
    found = read_reply(damaged, SCHEMA).values
    assert {path[1:] for path in found} >= {("SORA_1_A",), ("SD_B",), ("QWEN", "negative_prompt")}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(_replies, st.sampled_from(["SORA_2_A", "SORA_1_A", "SD_B"]), st.data())
def test_whatever_happens_to_one_prompt_the_others_are_read(
    reply: Any, hurt: str, data: st.DataObject
) -> None:
    text = json.dumps(reply, ensure_ascii=False)
    start = text.index(f'"{hurt}"') + len(hurt) + 4
    end = start + len(json.dumps(reply["prompts"][hurt], ensure_ascii=False))
    at = data.draw(st.integers(start, end - 1))
    damage = data.draw(st.sampled_from(['"', "'", "\\", "{", "}", "[", ",", ":", "\n", ""]))
    cut = data.draw(st.integers(0, 2))
    wanted = {path: v for path, v in _values_of(reply).items() if path[1] != hurt}

    damaged = text[:at] + damage + text[at + cut :]
    found = read_reply(damaged, SCHEMA).values
    assert {path: v for path, v in found.items() if path[1] != hurt} == wanted
    growing = read_reply(damaged, SCHEMA, growing=True).values
    assert growing.items() <= found.items()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    read_reply(text, SCHEMA)
    read_reply(WHOLE[:60] + text, SCHEMA, growing=True)
    has_object(text)


@pytest.mark.parametrize("piece", ["{", '{"a":', "[", '{"', "\\u", '[{"a":'])
def test_no_depth_makes_the_reader_fail(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert read_reply(text, SCHEMA).values == {}
    assert not has_object(text)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def test_at_every_point_of_a_reply_the_text_being_written_is_the_start_of_its_value() -> None:
    twins = GOOD["prompts"] | {"WAN": {"prompt": "rain, \u00e9t\u00e9", "negative_prompt": "fog"}}
    whole = {"prompts": twins}
    schema = schema_of(SORA_2_A=TEXT, SORA_1_A=TEXT, SD_B=TEXT, QWEN=PAIR, WAN=PAIR)
    longest: dict[tuple[str, ...], str] = {}
    for text in (json.dumps(whole), json.dumps(whole, ensure_ascii=False, indent=2)):
        for end in range(len(text)):
            if (found := text_being_written(f"Here it is: {text[:end]}", schema)) is not None:
                path, written = found
                assert _at(whole, path).startswith(written), (path, text[:end])
                longest[path] = max(longest.get(path, ""), written, key=len)
    assert {path: _at(whole, path) for path in longest} == longest
    assert len(longest) == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"prompts": {"SORA_2_A": ',
        '{"prompts": {"SORA_2_A": "done"',
        '{"prompts": {"SORA_9": "unknown',
        '<think>{"prompts": {"SORA_2_A": "a draft',
        "SORA_2_A: a heron",
    ],
)
def test_nothing_is_being_written_where_no_text_of_the_schema_is_open(text: str) -> None:
    assert text_being_written(text, SCHEMA) is None
