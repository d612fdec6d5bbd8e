"""Code mends what needs no judgement, changes no meaning, and touches nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import JsonValue

from callsheet.catalog.autofix import autofix, autofix_all
from callsheet.catalog.rules import find_errors

SCENE = "A heron stands by a lake at dusk"
STILL: dict[str, JsonValue] = {"type": "string", "format": "midjourney-image"}
CLIP: dict[str, JsonValue] = {"type": "string", "format": "midjourney-video"}
PLAIN: dict[str, JsonValue] = {"type": "string", "format": "plain-text"}
LINES: dict[str, JsonValue] = {"type": "string", "format": "plain-lines"}


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        (f'"{SCENE} --ar 2:3"', f"{SCENE} --ar 2:3"),
        (f"\u201c{SCENE} --ar 2:3\u201d", f"{SCENE} --ar 2:3"),
        (f"```text\n{SCENE} --ar 2:3\n```", f"{SCENE} --ar 2:3"),
        (f"{SCENE},  one  reed --ar 2:3", f"{SCENE}, one reed --ar 2:3"),
        (f"--ar 2:3 --v 8.2 {SCENE}", f"{SCENE} --ar 2:3 --v 8.2"),
        (f"--raw {SCENE} --ar 2:3", f"{SCENE} --raw --ar 2:3"),
        (f"{SCENE} --ar 2:3 --raw --ar 2:3", f"{SCENE} --ar 2:3 --raw"),
        (f"{SCENE}, aspect ratio 2:3 --v 8.2", f"{SCENE} --ar 2:3 --v 8.2"),
        (f"{SCENE}, in a 16:9 aspect ratio", f"{SCENE} --ar 16:9"),
        (f"{SCENE}, aspect ratio 2:3 --ar 2:3", f"{SCENE} --ar 2:3"),
        (f"{SCENE} --ar 1.85:1", f"{SCENE} --ar 37:20"),
        (f"{SCENE} --ar 2:3 --s 50.", f"{SCENE} --ar 2:3 --s 50"),
        (f"{SCENE} --ar 2:3 --no text, logo.", f"{SCENE} --ar 2:3 --no text, logo"),
        (f"{SCENE}\n\n--ar 2:3\n--v 8.2", f"{SCENE} --ar 2:3 --v 8.2"),
        (f"{SCENE} \u2014ar 2:3 -- raw", f"{SCENE} --ar 2:3 --raw"),
    ],
)
def test_a_prompt_is_autofixed_to_a_line_that_keeps_every_rule(written: str, mended: str) -> None:
    assert autofix(written, STILL) == mended
    assert find_errors(mended, STILL) == []


@pytest.mark.parametrize(
    "written",
    [
        f"{SCENE} --ar 2:3 --s 50 --s 400",
        f"{SCENE}, aspect ratio 2:3 --ar 16:9",
        f"{SCENE} --ar 2:3 --sparkle soft light",
        f"{SCENE} --no text soft light --ar 2:3",
        f"{SCENE} --raw, soft light",
        f'"A heron" and "a reed", {SCENE} --ar 2:3',
        f"{SCENE} \u2014 quiet --ar 2:3",
    ],
)
def test_what_needs_judgement_stays_as_it_was(written: str) -> None:
    assert autofix(written, STILL) == written


def test_a_clip_gets_its_own_parameters_behind_the_text() -> None:
    assert autofix("--motion low --loop Static camera, reeds sway", CLIP) == (
        "Static camera, reeds sway --motion low --loop"
    )
    assert autofix("Reeds sway, aspect ratio 2:3", CLIP) == "Reeds sway, aspect ratio 2:3"


def test_plain_text_loses_its_wrapping_and_its_line_breaks_alone() -> None:
    assert autofix(f"'{SCENE}.\nA reed.'", PLAIN) == f"{SCENE}. A reed."
    assert autofix(f"{SCENE} --ar 2:3", PLAIN) == f"{SCENE} --ar 2:3"
    assert autofix("- a heron\n- a reed", PLAIN) == "- a heron\n- a reed"
    assert autofix("Style.\n\nLight: left.", LINES) == "Style.\n\nLight: left."


def test_a_text_without_a_known_format_is_unchanged() -> None:
    for node in ({}, {"type": "string"}, {"format": "date"}, {"format": "nobody-knows"}):
        assert autofix('"x  y"', node) == '"x  y"'


def test_every_text_of_a_reply_is_autofixed_by_its_own_schema_node() -> None:
    schema: dict[str, JsonValue] = {
        "properties": {"A": PLAIN, "B": {"properties": {"x": {"$ref": "#/$defs/still"}}}, "C": {}},
        "$defs": {"still": STILL},
    }
    value: JsonValue = {"A": '"a  b"', "B": {"x": "--ar 2:3 a heron"}, "C": '"c"', "D": ["'d'"]}

    assert autofix_all(value, schema) == {
        "A": "a b",
        "B": {"x": "a heron --ar 2:3"},
        "C": '"c"',
        "D": ["'d'"],
    }


pieces = st.sampled_from(
    [SCENE, "--ar", "2:3", "1.85:1", "--v 8.2", "--raw", "--no", "text,", "logo", '"', "'", "```",
     "\n", "  ", ".", ",", "aspect ratio 2:3", "--", "\u2014ar", "::", "--odd", "--motion low"]
)  # fmt: skip


@given(
    written=st.lists(pieces, max_size=9).map(" ".join), node=st.sampled_from([STILL, CLIP, PLAIN])
)
@example(written=f"{SCENE}\n{SCENE}\n--ar", node=STILL)
@example(written=f"{SCENE}, aspect ratio 2:3 {SCENE}", node=STILL)
def test_autofix_is_idempotent(written: str, node: dict[str, JsonValue]) -> None:
    once = autofix(written, node)
    assert autofix(once, node) == once


@given(written=st.lists(pieces, max_size=9).map(" ".join))
def test_autofix_neither_loses_nor_adds_words(written: str) -> None:
    def words(text: str) -> set[str]:
        return {word for word in text.lower().replace("\u2014", "--").split() if word.isalpha()}

    shape = {"aspect", "ratio", "text", "ar"}
    assert words(autofix(written, STILL)) - shape == words(written) - shape
