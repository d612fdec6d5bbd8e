"""Rules for Midjourney video prompts: one motion, then video parameters and no image parameters.

From docs.midjourney.com/docs/video (A) and an audit of 2026-07-10 (B), read 2026-11-22: `--motion`,
`--raw`, `--loop`, `--end`, `--bs`, and `--video` in Discord; `--loop` and `--end` exclude each other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt, start_image
from callsheet.catalog.formats.format import Format, Rule, shown
from callsheet.catalog.formats.midjourney_image import (
    DUPLICATE_RULE,
    ORDER_RULE,
    SPACING_RULE,
    TRAILING_TEXT_RULE,
    WEIGHT_RULE,
    arrangement,
    spacing,
    weights,
)
from callsheet.catalog.formats.midjourney_line import FLAGS, VIDEO, read_line
from callsheet.catalog.formats.midjourney_parameters import value_faults
from callsheet.catalog.formats.motion import CAMERA, STORY, calm
from callsheet.catalog.formats.plain_text import LINE, SLOGAN, line_breaks, slogans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault, Others
    from callsheet.catalog.formats.midjourney_line import PromptLine

_PAGE = "docs.midjourney.com/docs/video"

RULES = (
    *every_prompt.RULES,
    LINE,
    ORDER_RULE,
    SPACING_RULE,
    TRAILING_TEXT_RULE,
    DUPLICATE_RULE,
    WEIGHT_RULE,
    Rule("double colon", "No `::`.", "Midjourney's Version page, as audits quote it", "2026-09-23", "B"),
    Rule("flag", "Only `--motion`, `--raw`, `--loop`, `--end`, `--bs`, `--video`.", _PAGE, "2026-11-22", "A"),
    Rule("value", "`--motion` low or high, `--bs` 1, 2 or 4.", _PAGE, "2026-11-22", "A"),
    Rule("loop and end", "`--loop` or `--end`, never both.", _PAGE, "2026-11-22", "A"),
    Rule("square", "No words in square brackets: a habit, not syntax.", "prompt guides", "2026-11-22", "C"),
    CAMERA,
    *start_image.RULES,
    STORY,
    SLOGAN,
)  # fmt: skip

_OF_STILLS = frozenset(FLAGS) | {"v", "niji"}


def _judge(prompt: str) -> Iterator[Fault]:
    line = read_line(prompt)
    yield from every_prompt.faults(prompt)
    yield from line_breaks(prompt)
    yield from spacing(prompt)
    yield from weights(prompt)
    if "::" in prompt:
        yield "double colon", "has `::`; clips have no multi-prompts"
    yield from arrangement(line)
    yield from _flags(line)
    for found in re.finditer(r"\[[^\[\]]*\]", line.text):
        yield "square", f"has {shown(found[0])}; plain words are read, brackets are not"
    yield from slogans(line.text)


def _compare(prompt: str, others: Others) -> Iterator[Fault]:
    yield from calm(read_line(prompt).text, others)
    yield from start_image.compare_with_still(prompt, others)


def _flags(line: PromptLine) -> Iterator[Fault]:
    for given in line.given:
        flag = VIDEO.get(given.name)
        if flag is not None:
            yield from value_faults(given, flag)
        elif given.name in _OF_STILLS:
            yield "flag", f"has `--{given.written}`, a parameter of stills that clips drop"
        else:
            yield "flag", f"has `--{given.written}`, which is no parameter of clips"
    if line.values("loop") and line.values("end"):
        yield "loop and end", "has `--loop` and `--end`; one of them is right"


FORMATS = (
    Format(
        "midjourney-video",
        "A motion for Midjourney Video V1.",
        RULES,
        _judge,
        _compare,
    ),
)
