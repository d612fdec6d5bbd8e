"""A lower bound on a text's CLIP tokens, without a CLIP tokenizer.

CLIP first cuts a text into words, single digits and runs of other signs, and then each of these
into one token or more (openai/CLIP, simple_tokenizer.py). Counting the pieces of the first cut
therefore never counts too many: a text that is found too long is too long. A text of rare words
may pass and be somewhat longer than told.

A window holds 77 tokens, two of them its ends (A: AUTOMATIC1111 modules/sd_hijack_clip.py and
diffusers' SDXL pipeline, read 2026-11-22).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Format, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

WINDOW = 75

SOURCE = "diffusers SDXL pipeline; AUTOMATIC1111 modules/sd_hijack_clip.py"

_PIECE = re.compile(r"(?i)'(?:s|t|re|ve|m|ll|d)\b|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
_SYNTAX = re.compile(r"<[^<>]*>|:\s*[+-]?[\d.]+\s*(?=[)\]])|(?<!\\)[()\[\]]")


def at_least(text: str) -> int:
    """The least number of CLIP tokens that a text has, without weights and brackets."""
    return sum(1 for _ in _PIECE.finditer(_SYNTAX.sub(" ", text)))


def over(text: str, windows: int, what: str) -> Iterator[Fault]:
    """A fault where a text certainly exceeds so many token windows."""
    count = at_least(text)
    if count > windows * WINDOW:
        room = f"{windows * WINDOW} CLIP tokens"
        yield "clip", f"has at least {count} CLIP tokens; {what} beyond {room}"


FORMATS = (
    Format(
        "clip-chunks",
        "A text for one CLIP window.",
        (Rule("clip", f"At most {WINDOW} CLIP tokens, by a bound.", SOURCE, "2026-11-22", "A"),),
        lambda text: over(text, 1, "plain pipelines cut what is"),
    ),
)
