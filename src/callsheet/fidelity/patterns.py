"""What a text says in a fixed form: lettering in quotation marks, and where things stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = re.compile(
    r"[\"\u201c\u201d]([^\"\u201c\u201d\n]{1,120})[\"\u201c\u201d]"
    r"|(?<![^\W_])'([^'\n]{2,80})'(?![^\W_])"
)
_CALLED = re.compile(
    r"(?i:\b(?:called|named|reads|reading|says|saying|titled|lettered)\s+)([A-Z][A-Z0-9]+(?: (?:& )?[A-Z0-9]{2,})*)\b"
)
_SPEECH = re.compile(
    r"(?i)\b(?:says?|said|saying|whispers?|shouts?|asks?|speaks?|sings?|yells?)\W*$"
)
_WRITTEN = re.compile(
    r"(?i)\b(?:signs?|letter(?:ing|s)?|text|words?|labels?|banners?|posters?|logos?|titles?|neon"
    r"|screens?|boards?|reads?)\b"
)
_BEFORE_SPEECH = 60
"""Characters before a quotation in which the verb, or what carries lettering, may be named."""

_SIDE = r"(?:(?:on|to|at) (?:the |its |their |his |her )?)?{}(?:[ -]hand)?(?: side)?(?P<{}_of> of)?"
_PLACES = {
    "left": _SIDE.format("left", "left"),
    "right": _SIDE.format("right", "right"),
    "above": r"(?P<above_of>on (?:the )?top of|atop|above)",
    "below": r"(?P<below_of>(?:on|at) the bottom of|under|underneath|below|beneath)",
    "before": r"(?P<before_of>in front of)",
    "behind": r"(?P<behind_of>behind)",
}
_PLACE = re.compile("|".join(rf"(?P<{name}>\b{text}\b)" for name, text in _PLACES.items()), re.I)
_NO_SIDE = re.compile(
    r"(?i)\b(?:left (?:behind|over|alone|by)"
    r"|right (?:now|away|before|after|there|angle|in|at|next|behind|under|over|through|up|down))\b"
)
_COURSE = re.compile(r"(?i)\b(?:left to right|right to left)\b")

OPPOSITES = {
    "left": "right",
    "right": "left",
    "above": "below",
    "below": "above",
    "before": "behind",
    "behind": "before",
}


@dataclass(frozen=True)
class Lettering:
    """Words that must be readable, where they stand, and whether they are only spoken."""

    text: str
    start: int
    spoken: bool


@dataclass(frozen=True)
class Placement:
    """Where a text says that something stands; `of` where it says in relation to what."""

    value: str
    words: str
    start: int
    end: int
    of: bool

    @property
    def plain(self) -> bool:
        """Whether it is a side by its own words: `on the left`, `left of`; `left` may be a verb."""
        return self.of or " " in self.words


def lettering(idea: str) -> Iterator[Lettering]:
    """What stands in quotation marks, or in capitals after a word such as `called`."""
    for found in (*_QUOTED.finditer(idea), *_CALLED.finditer(idea)):
        text = next(each for each in found.groups() if each).strip(" ,.")
        before = idea[max(0, found.start() - _BEFORE_SPEECH) : found.start()]
        spoken = _SPEECH.search(before) and not _WRITTEN.search(before)
        if text:
            yield Lettering(text, found.start(), bool(spoken))


def without_lettering(idea: str) -> str:
    """The idea with blanks in place of what must be readable; all else keeps its position."""
    return _CALLED.sub(_blank, _QUOTED.sub(_blank, idea))


def _blank(found: re.Match[str]) -> str:
    group = next(number for number, each in enumerate(found.groups(), 1) if each)
    before, inside = found.start(group) - found.start(), found.end(group) - found.start(group)
    # The comma ends the clause: what follows lettering is not described by what precedes it.
    return found[0][:before] + ",".ljust(inside) + found[0][before + inside :]


def placements(text: str) -> Iterator[Placement]:
    """Every place that a text names, in its order."""
    for found in _PLACE.finditer(text):
        value = next(name for name in _PLACES if found[name])
        if not _NO_SIDE.match(text, found.start()):
            of = bool(found[f"{value}_of"])
            yield Placement(value, found[0].lower(), found.start(), found.end(), of)


def names_course(text: str) -> bool:
    """Whether `left` and `right` are where something moves from and to."""
    return bool(_COURSE.search(text))
