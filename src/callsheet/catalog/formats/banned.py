"""What a negative prompt bans although the prompt beside it shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Rule
from callsheet.catalog.formats.plain_text import EXCLUDED

if TYPE_CHECKING:
    from collections.abc import Iterator

BANNED = Rule(
    "banned",
    "Nothing is banned that the prompt shows.",
    "diffusers, classifier-free guidance: the model is steered away from it",
    "2026-11-28",
    "A",
    of="form",
)

_WORD = re.compile(r"[a-z]+")
_WEIGHT = re.compile(r":\s*[\d.]+")
MOST_WORDS = 3
"""Words of an entry that is a thing; longer ones describe a fault."""


def banned(negative: str, shown: str) -> Iterator[str]:
    """The entries of a negative list that stand in the text, word for word but for a plural s."""
    words = [_bare(word) for word in _WORD.findall(EXCLUDED.sub(" ", shown.lower()))]
    sizes = range(1, MOST_WORDS + 1)
    runs = {" ".join(words[n : n + size]) for size in sizes for n in range(len(words))}
    for entry in dict.fromkeys(_WEIGHT.sub("", negative.lower()).split(",")):
        named = [_bare(word) for word in _WORD.findall(entry)]
        if len(named) in sizes and " ".join(named) in runs:
            yield entry.strip(" ()[]\n")


def _bare(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
