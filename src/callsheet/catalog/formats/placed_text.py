"""Rules for models that take sentences, and JSON that gives things their place: FLUX 3, Ideogram."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from callsheet.catalog.formats.format import Format, Rule, shown
from callsheet.catalog.formats.plain_text import no_field
from callsheet.catalog.formats.sentences import (
    LINES,
    all_of,
    lines,
    longer,
    tag_list,
    with_rules,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

_BOXES = "docs.bfl.ai/flux_3/flux3_image_bounding_boxes"
_READ = "2026-11-28"
_MOST = 1_000
_SIDES = 4

LAYOUT = Rule(
    "layout",
    "Boxes stand at the end as a JSON array: a row for each name in angle brackets, with `desc` and"
    " `bbox` [top, left, bottom, right] in whole numbers from 0 to 1000.",
    _BOXES,
    _READ,
    "A",
)
TAG = Rule(
    "angle tag",
    "Names in angle brackets belong to the boxes of a layout; no `<lora:…>`.",
    _BOXES,
    _READ,
    "A",
)
CAPTION = Rule(
    "caption",
    "A text in braces is one caption in valid JSON, with a `compositional_deconstruction`.",
    "ideogram-oss/ideogram4, docs/prompting.md; docs.ideogram.ai, JSON prompting",
    _READ,
    "A",
    warns=True,
)
_START = re.compile(r"\[\s*\{")
_NAME = re.compile(r"<(\w+)>")
_FORM = re.compile(r"[\[\]{},\d]")


def _parted(text: str) -> tuple[str, str]:
    """The sentences, and the JSON of a layout behind them, if there is any."""
    start = _START.search(text) if text.rstrip().endswith("]") else None
    return (text[: start.start()], text[start.start() :]) if start else (text, "")


def _words(text: str) -> str:
    """The words of a text with a layout, without the form of its JSON."""
    sentences, boxes = _parted(text)
    return _NAME.sub(r"\1", sentences) + _FORM.sub(" ", boxes) if boxes else text


def layout(text: str) -> Iterator[Fault]:
    """Boxes that are no JSON, have no place in the picture or no name in the text."""
    sentences, boxes = _parted(text)
    if not boxes:
        return
    try:
        rows = json.loads(boxes)
    except (ValueError, RecursionError):
        yield "layout", "ends with boxes that are not valid JSON"
        return
    rows = [row if isinstance(row, dict) else {} for row in rows]
    named = {part.strip("<>") for row in rows for part in row.values() if isinstance(part, str)}
    for name in _NAME.findall(sentences):
        if name not in named:
            yield "layout", f"has no box for {shown(f'<{name}>')}"
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get("desc"), str) or not _is_box(row.get("bbox")):
            yield "layout", f"has no `desc` or no valid `bbox` in row {number} of its boxes"


def caption(text: str) -> Iterator[Fault]:
    """A caption in JSON that is not valid, or has no parts."""
    if not text.lstrip().startswith("{"):
        return
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        yield "caption", "begins with a brace and is not valid JSON"
        return
    if "compositional_deconstruction" not in parts:
        yield "caption", "has no `compositional_deconstruction`, which lists the elements"


def _captions(text: str) -> Iterator[Fault]:
    in_json = text.lstrip().startswith("{")
    yield from caption(text)
    yield from all_of(lines, no_field, tag_list)(_FORM.sub(" ", text) if in_json else text)


def _is_box(sides: Any) -> bool:
    if not isinstance(sides, list) or len(sides) != _SIDES:
        return False
    if not all(isinstance(side, int) and 0 <= side <= _MOST for side in sides):
        return False
    top, left, bottom, right = sides
    return bool(top < bottom and left < right)


def _sentences(text: str) -> Iterator[Fault]:
    yield from layout(text)
    yield from all_of(lines, no_field, tag_list)(_words(text))


FORMATS = (
    Format(
        "flux-3",
        "Sentences for FLUX 3, with boxes behind them where a layout is asked for.",
        with_rules(LINES, TAG, LAYOUT),
        _sentences,
    ),
    Format(
        "flux-3-klein",
        "A plain brief, which the upsampler of FLUX 3 Klein rewrites.",
        (
            *LINES,
            Rule(
                "long", "At most 120 words: its upsampler writes the finished prompt.", date=_READ
            ),
        ),
        all_of(lines, no_field, tag_list, longer(120)),
    ),
    Format(
        "ideogram-4",
        "Sentences for Ideogram, or its caption in JSON.",
        (*LINES, CAPTION),
        _captions,
    ),
)
