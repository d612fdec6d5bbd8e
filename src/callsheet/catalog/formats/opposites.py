"""Finds explicit statements about opposites in a text: left or right, open or closed, day or night.

Some matters hold for a whole scene; any other is told of the thing whose name stands beside it. A
word with two meanings is left out: what is not said outright is not said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Statements = dict[str, str]
"""The sides that a text takes in one matter, each with the words that say so."""

_NOT = r"(?<!\bno )(?<!\bnot )(?<!\bnever )(?<!\bwithout )(?<![-\w])"
_THING = r"(?P<thing>[^\W\d_]{3,})"
_DOES = r"(?:\w+(?:s|ing|ed|ly) ){0,2}"
_PARTICLES = (
    r"(?P<thing>rain|snow|snowflakes?|sleet|steam|smoke|mist|fog|dust|motes?|petals?|leaf|leaves"
    r"|feathers?|embers?|sparks?|ash|bubbles?|water|pollen|confetti|lanterns?|balloons?)"
)


@dataclass(frozen=True)
class _Matter:
    """A pair of opposites: the words for each side, and the patterns in which they describe a thing."""

    name: str
    sides: tuple[str, str]
    forms: tuple[str, ...] = (_NOT + r"(?:{side})\b(?![-\u2019'])",)

    def found(self, text: str) -> Iterator[tuple[str, str, str]]:
        for side in self.sides:
            for form in self.forms:
                for match in _compiled(form.replace("{side}", side)).finditer(text):
                    yield match.groupdict().get("thing", ""), side, match[0]


_OF_THINGS = (
    _NOT + r"(?:{side}) " + _THING,
    r"\b" + _THING + r" (?:is |are |stands? |stays? |remains? )(?:{side})\b",
)

_MATTERS = (
    _Matter(
        "time of day",
        (
            r"nights?|nighttime|midnight|moonlight|moonlit|starlight|starlit",
            r"noon|midday|daylight|daytime|sunlight|sunlit|sunshine|sunny",
        ),
    ),
    _Matter("end of the day", (r"dawn|sunrise|daybreak", r"dusk|sunset|nightfall")),
    _Matter("place", (r"indoors?|interior", r"outdoors?|exterior|open[- ]air")),
    _Matter("season", (r"summer|summery", r"winter|wintry")),
    _Matter("course", (r"left[- ]to[- ]right|rightwards?", r"right[- ]to[- ]left|leftwards?")),
    _Matter(
        "left and right",
        ("left", "right"),
        (
            rf"\b{_THING} {_DOES}(?:on|at|from) (?:the |its |her |his )?(?:far |upper |lower )?"
            r"{side}\b(?![- ]to\b)(?! (?:hand|arm|foot|leg|eye|shoulder|knee)\b)",
            r"\b(?:on|at|from) the (?:far |upper |lower )?{side}(?: side)?,? (?:an? |the )?" + _THING,
        ),
    ),
    _Matter("open and closed", ("open|opened|half-open|ajar", "closed|shut"), _OF_THINGS),
    _Matter("lit", ("lit|burning|switched-on", "unlit|switched-off|extinguished"), _OF_THINGS),
    _Matter("full", ("full", "empty"), _OF_THINGS),
    _Matter("wet", ("wet|soaked", "dry"), _OF_THINGS),
    _Matter(
        "up and down",
        (
            r"ris(?:es?|ing)|climb(?:s|ing)?|ascend(?:s|ing)?|upwards?",
            r"fall(?:s|ing)?|sink(?:s|ing)?|descend(?:s|ing)?|drop(?:s|ping)?|downwards?",
        ),
        (rf"\b{_PARTICLES} {_DOES}(?:{{side}})\b(?! (?:and|or) (?:ris|fall|sink|climb|drop))", rf"{_NOT}(?:{{side}}) {_PARTICLES}"),
    ),
    _Matter(
        "in and out",
        (
            r"inwards?|towards? the (?:viewer|camera|lens)",
            r"outwards?|away from the (?:viewer|camera|lens)",
        ),
        (rf"\b{_THING} {_DOES}(?:{{side}})\b",),
    ),
)  # fmt: skip

_NO_THING = frozenset(
    """and are but far for from has her his its left lower may near not off one out over own right
    she that the their them then there these they this those top upper very was were while with
    slowly softly gently slightly still always almost""".split()  # noqa: SIM905  # read as words
)


def statements_in(text: str) -> dict[tuple[str, str], Statements]:
    """Each pair of opposites and thing that a text mentions, with the sides that it states."""
    found: dict[tuple[str, str], Statements] = {}
    for matter in _MATTERS:
        for thing, side, words in matter.found(text.lower()):
            if thing not in _NO_THING:
                sides = found.setdefault((matter.name, thing.removesuffix("s")), {})
                sides.setdefault(side, words)
    return found


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
