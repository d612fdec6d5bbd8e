"""Prompts in sentences, for image models that read like a language model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import one_prompt
from callsheet.catalog.formats.form import Format, Rule, shown
from callsheet.catalog.formats.plain import (
    BULLETS,
    COLONS,
    FLAG,
    RATIO,
    SLOGAN,
    TAG,
    WEIGHT,
    markup,
    syntax,
    taste,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.form import Fault

NO_FIELD = Rule(
    "negative field",
    "No `Negative prompt:` in the text: there is no such field.",
    "the vendors' API references, which have none",
    "2026-11-22",
    "A",
)
TAG_LIST = Rule(
    "tag list",
    "Sentences, not a list of tags.",
    "vendors' prompting guides, which write prose",
    "2026-11-22",
    "B",
)
PHOTO_WORD = Rule(
    "photo word",
    "No `photorealistic` beside a drawn or painted medium: it switches to photography.",
    "OpenAI cookbook, image-gen-models-prompting-guide",
    "2026-11-22",
    "A",
    warns=True,
)

_FIELD = re.compile(r"(?i)\bnegative(?: prompt)?\s*:")
_PHOTO = re.compile(r"(?i)\b(?:photo|hyper)[- ]?realis(?:tic|m)\b")
_DRAWN = re.compile(
    r"(?i)\b(?:anime|manga|illustrat\w+|paint(?:ed|ing|erly)|drawn|drawing|gouache|watercolou?r"
    r"|cel[- ]shad\w+|ink)\b"
)
_SEVERAL, _SHORT = 12, 3


def no_field(text: str) -> Iterator[Fault]:
    """A negative prompt inside the text, as services with a field for it have it."""
    if found := _FIELD.search(text):
        yield "negative field", f"has {shown(found[0])}; this model has one text and no such field"


def tag_list(text: str) -> Iterator[Fault]:
    """A pile of short phrases where sentences are read."""
    parts = [part.split() for part in re.split(r"[,;]", text)]
    if len(parts) < _SEVERAL or len(re.findall(r"[.!?](?:\s|$)", text)) > 1:
        return
    middle = sorted(map(len, parts))[len(parts) // 2]
    if middle <= _SHORT:
        yield "tag list", f"reads as {len(parts)} tags; sentences that relate things are right"


def photo_word(text: str) -> Iterator[Fault]:
    """A word for photographs in the description of something drawn."""
    if (found := _PHOTO.search(text)) and (drawn := _DRAWN.search(text)):
        yield "photo word", f"has {shown(found[0])} beside {shown(drawn[0])}; keep one of them"


def _gpt(text: str) -> Iterator[Fault]:
    yield from one_prompt.faults(text)
    yield from syntax(text)
    yield from markup(text, bullets=False)
    yield from taste(text)
    yield from no_field(text)
    yield from tag_list(text)
    yield from photo_word(text)


_SYNTAX = (FLAG, COLONS, WEIGHT, TAG)

FORMATS = (
    Format(
        "gpt-image",
        "Labelled lines or one paragraph for GPT Image.",
        (
            *one_prompt.RULES,
            *_SYNTAX,
            BULLETS,
            RATIO,
            SLOGAN,
            NO_FIELD,
            TAG_LIST,
            PHOTO_WORD,
        ),
        _gpt,
    ),
)
