r"""Rules for Stable Diffusion prompts in AUTOMATIC1111's syntax, and for danbooru tags.

The syntax is that of AUTOMATIC1111's `modules/sd_hijack_clip.py` and the parser of diffusers'
`lpw_stable_diffusion` (A, read 2026-11-22): `(x)` is 1.1, `(x:1.3)` is 1.3, `[x]` is a division by
1.1, `\(` and `\)` are signs of their own, and `BREAK` in capitals begins a new chunk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt
from callsheet.catalog.formats.clip_tokens import SOURCE as CLIP_SOURCE
from callsheet.catalog.formats.clip_tokens import over
from callsheet.catalog.formats.contradictions import tag_counts
from callsheet.catalog.formats.format import NUMBER, Format, Rule, shown
from callsheet.catalog.formats.plain_text import (
    LINE,
    NEGATION,
    NO_FIELD,
    line_breaks,
    negations,
    no_field,
)
from callsheet.catalog.formats.safety import for_absence, of_absence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

EXPORT_FORMS = ("a1111", "comfyui")
"""The exports that a text for a checkpoint of Stable Diffusion is ready for."""

LOWEST, HIGHEST = 0.1, 2.0
SANE = (0.5, 1.4)

_A1111 = "AUTOMATIC1111 modules/sd_hijack_clip.py; diffusers lpw_stable_diffusion"

_SHOWN = 200
"""Characters of a group that a fault quotes, or less."""

_PAIRS = {")": "(", "]": "["}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)$")
_LORA = re.compile(r"<(?:lora|lyco|hypernet):[^:<>\s][^:<>]*(?::-?" + NUMBER + "){0,2}>")
_FLAG = re.compile(r"(?:^|(?<=\s))--[A-Za-z]+")
_BREAK = re.compile(r"(?:^|,)\s*([Bb]reak)\s*(?=,|$)|(\w)BREAK|BREAK(\w)")
_SCORE = re.compile(r"\bscore_\d\w*")

RULES = (
    *every_prompt.RULES,
    LINE,
    Rule("bracket", "Every bracket is closed, or escaped as `\\(`.", _A1111, "2026-11-22", "A"),
    Rule("weight", f"Weights are numbers from {LOWEST} to {HIGHEST:g}.", f"{_A1111}; the bounds are ours", of="limit"),
    Rule("strong weight", "Weights from 0.5 to 1.4.", "common practice", "2026-11-22", "C"),
    Rule("square", "No square brackets: ComfyUI reads them as text.", "ComfyUI comfy/sd1_clip.py", "2026-11-22", "A", warns=True),
    Rule("double colon", "No `::`: it is read as text.", _A1111, "2026-11-22", "A"),
    Rule("break", "`BREAK` in capitals, as a word of its own, between two parts.", _A1111, "2026-11-22", "A"),
    Rule("angle tag", "Tags in angle brackets have the form `<lora:name:0.8>`; `>_<` and `<3` are tags too.", _A1111, of="limit"),
    NO_FIELD,
    Rule("flag", "No parameter flags (`--ar`): they are read as description.", _A1111, of="limit"),
    Rule("clip", "At most two CLIP windows (150 tokens), by a bound.", CLIP_SOURCE, "2026-11-22", "A", warns=True),
)  # fmt: skip


def syntax(text: str) -> Iterator[Fault]:
    """Syntax that AUTOMATIC1111 would parse differently than intended."""
    bare = _LORA.sub(lambda found: " " * len(found[0]), text)
    for found in re.finditer(r"<(?=\s*/?[a-z]{2})[^<>]*>?", bare, re.IGNORECASE):
        yield "angle tag", f"has {shown(found[0])}; `<lora:name:0.8>` is the one form that is read"
    for found in _FLAG.finditer(text):
        yield (
            "flag",
            f"has the parameter {shown(found[0])}; sizes and seeds are set outside the text",
        )
    if "::" in bare:
        yield "double colon", "has `::`; a weight is written `(sunset:1.2)`"
    yield from _brackets(bare)
    for found in _BREAK.finditer(text):
        yield (
            "break",
            f"has {shown(found[0].strip(', '))}; `BREAK` in capitals between spaces is right",
        )
    if re.search(r"^\s*BREAK\b|\bBREAK\W*$", text):
        yield "break", "has `BREAK` with nothing on one side of it, which is an empty chunk"


def _brackets(text: str) -> Iterator[Fault]:
    """Checks that brackets match, and the weight before each closing one."""
    stack: list[tuple[str, int, int]] = []
    position = 0
    while position < len(text):
        sign = text[position]
        if sign == "\\":
            position += 2
            continue
        if sign in "([":
            stack.append((sign, position, -1))
        elif sign == ":" and stack:
            stack[-1] = (*stack[-1][:2], position)
        elif sign in ")]":
            if not stack or stack[-1][0] != _PAIRS[sign]:
                yield (
                    "bracket",
                    f"closes {shown(text[max(0, position - 20) : position + 1])} that is not open",
                )
                return
            _, start, colon = stack.pop()
            # A weight is short; copying each group of many nested ones would take long.
            group = text[start : min(position + 1, start + _SHOWN)]
            value = text[colon + 1 : min(position, colon + 1 + _SHOWN)]
            yield from _weight(group, value, colon, sign)
        position += 1
    for _, start, _ in stack:
        yield "bracket", f"never closes {shown(text[start : start + 24])}"


def _weight(group: str, value: str, colon: int, sign: str) -> Iterator[Fault]:
    if sign == "]":
        yield "square", f"has {shown(group)}; ComfyUI reads square brackets as text"
    elif colon < 0:
        return
    elif _NUMBER.match(value.strip()):
        number = float(value)
        if not LOWEST <= number <= HIGHEST:
            yield "weight", f"weighs {shown(group)}; {LOWEST} to {HIGHEST:g} is right"
        elif not SANE[0] <= number <= SANE[1]:
            yield (
                "strong weight",
                f"weighs {shown(group)}; beyond {SANE[0]} to {SANE[1]} pictures break",
            )
    elif not re.search(r"[^\W\d_]", value):
        yield "weight", f"has {shown(group)}; a weight is a number such as 1.2"


def a1111(text: str) -> Iterator[Fault]:
    """The faults of a prompt for any checkpoint of this family."""
    yield from every_prompt.faults(text)
    yield from line_breaks(text)
    yield from no_field(text)
    yield from tag_counts(text)
    yield from syntax(text)
    yield from over(text, 2, "chunks weaken one another")


def _family(text: str) -> Iterator[Fault]:
    for found in _SCORE.finditer(text):
        yield (
            "family",
            f"has {shown(found[0])}, a word of Pony checkpoints; these were not taught it",
        )
    yield from sentence(text)


def sentence(text: str) -> Iterator[Fault]:
    """Sentences instead of tags."""
    if found := re.search(r"[.!?]\s+[A-Z]\w+ ", text):
        yield "sentence", f"has a sentence at {shown(found[0])}; tags between commas are right"


def danbooru(text: str) -> Iterator[Fault]:
    """The faults of tags for Illustrious and NoobAI."""
    yield from a1111(text)
    yield from series(text)
    yield from _family(text)
    if not text.lower().startswith("masterpiece"):
        yield (
            "quality",
            "does not begin with masterpiece, best quality, the words these models know",
        )


def danbooru_negative(text: str) -> Iterator[Fault]:
    """The faults of negative tags."""
    yield from of_absence(a1111(text))
    yield from _family(text)
    yield from negations(text)


_CARD = "huggingface.co/Laxhar/noobai-XL-1.0"

SERIES = Rule(
    "series",
    "Brackets that belong to a tag are escaped: `saber \\(fate\\)`.",
    _A1111,
    "2026-11-22",
    "A",
)
_SERIES = re.compile(
    r"(?:^|,)[^\S\n]*+([\w'.!-]++(?: [\w'.!-]++)*+ \([^(),:\\]+\))[^\S\n]*+(?=,|$)", re.MULTILINE
)


def series(text: str) -> Iterator[Fault]:
    """Tags whose brackets would be read as emphasis."""
    for found in _SERIES.finditer(text):
        yield "series", f"has {shown(found[1])}; `\\(` and `\\)` are part of the tag"


def with_escaped_series(text: str) -> str:
    """The tags with the brackets that belong to them escaped."""
    return _SERIES.sub(lambda found: found[0].replace("(", "\\(").replace(")", "\\)"), text)


SENTENCE = Rule("sentence", "Tags, not sentences.", _CARD, "2026-11-22", "A", warns=True)

_FAMILY = (
    Rule("family", "No score tags: they belong to Pony checkpoints.", "civitai.com/models/257749", "2026-11-22", "B", of="form"),
    SENTENCE,
)  # fmt: skip

DANBOORU = (
    *RULES,
    SERIES,
    *_FAMILY,
    Rule("quality", "Quality tags first.", _CARD, "2026-11-22", "A", warns=True),
)
DANBOORU_NEGATIVE = (*for_absence(RULES), *_FAMILY, NEGATION)

FORMATS = (
    Format(
        "stable-diffusion-a1111",
        "A prompt in AUTOMATIC1111's syntax.",
        RULES,
        a1111,
        export_forms=EXPORT_FORMS,
    ),
    Format(
        "danbooru-tags",
        "Danbooru tags for Illustrious and NoobAI checkpoints.",
        DANBOORU,
        danbooru,
        export_forms=EXPORT_FORMS,
        negative="danbooru-negative",
    ),
    Format(
        "danbooru-negative", "The negative tags beside them.", DANBOORU_NEGATIVE, danbooru_negative
    ),
)
