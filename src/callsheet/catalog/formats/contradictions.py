"""What a text says of itself twice, and differently: the hour of the day, how many there are.

Only words that leave little doubt are read. Whether both were meant, a person knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Rule, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.catalog.formats.format import Fault

HOURS = Rule("hours", "One hour of the day, unless the picture shows several.")
COUNTS = Rule("counts", "One number of the same thing.")
RULES = (HOURS, COUNTS)

_DAY = re.compile(
    r"(?i)\b(?:high noon|noon|midday|sun (?:is )?(?:directly )?overhead|in broad daylight)\b"
)
_NIGHT = re.compile(
    r"(?i)\b(?:midnight|moonlit|starry (?:night|sky)|full moon|night sky|dead of night)\b"
)
_SEVERAL = re.compile(
    r"(?i)\b(?:half|split|diptych|triptych|panels?|then|turns?|until|time-?lapse|from|fades?|dissolves?"
    r"|poster|painting on|mural|screen|reflect\w*|dreams?|remember\w*|clocks?)\b"
)
_NUMBER = "two|three|four|five|six|seven|eight|nine|ten|twelve|[2-9]|1[0-9]"
_COUNTED = re.compile(rf"(?i)\b({_NUMBER}) (?:([a-z]+) )?([a-z]{{3,}}s)\b")
_FIGURES: Mapping[str, str] = {
    "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight",
    "9": "nine", "10": "ten", "11": "eleven", "12": "twelve",
}  # fmt: skip
_PARTS = re.compile(
    r"(?i)\b(?:of (?:them|the|which)|other|others|more|another|first|last|groups?|rows?|pairs?)\b"
)

_SOLO = re.compile(r"(?:^|,)\s*solo\s*(?=,|$)")
_CROWD = re.compile(
    r"(?:^|,)\s*((?:[2-9]|6\+)(?:girls|boys|others)|multiple (?:girls|boys|others))\s*(?=,|$)"
)


def contradictions(text: str) -> Iterator[Fault]:
    """Two hours of the day, or two numbers of the same thing, in one text."""
    day, night = _DAY.search(text), _NIGHT.search(text)
    if day and night and not _SEVERAL.search(text):
        yield "hours", f"says {shown(day[0])} and {shown(night[0])}; keep one of them"
    yield from _counts(text)


def _counts(text: str) -> Iterator[Fault]:
    if _PARTS.search(text):
        return
    numbers: dict[str, str] = {}
    for found in _COUNTED.finditer(text):
        number, thing = found[1].lower(), found[3].lower()
        number = _FIGURES.get(number, number)
        before = numbers.setdefault(thing, number)
        if before != number:
            yield "counts", f"has {before} and {number} {thing}; keep one number"


def tag_counts(text: str) -> Iterator[Fault]:
    """`solo` beside several figures, in tags."""
    if _SOLO.search(text) and (crowd := _CROWD.search(text)):
        yield "counts", f"has `solo` beside {shown(crowd[1])}; keep one of them"
