"""Checks the value of one Midjourney parameter, and the text after it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import NUMBER, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault
    from callsheet.catalog.formats.midjourney_line import Flag, Given

WIDEST, WIDEST_HD = 14, 4

_RATIO = re.compile(r"([1-9]\d{0,8}):([1-9]\d{0,8})$")
_NUMBERS = {"integer": re.compile(r"\d+$"), "number": re.compile(rf"{NUMBER}$")}
_ENDS = ".,;:!"


def value_faults(given: Given, flag: Flag) -> Iterator[Fault]:
    """Faults of a parameter's value that do not depend on other parameters."""
    if flag.takes == "words":
        yield from _words(given)
        return
    words = given.value.split()
    most = {"nothing": 0, "reference": len(words), "code": len(words)}.get(flag.takes, 1)
    value = words[0] if words and most else ""
    if (rest := " ".join(words[most:])) or (words and words[-1][-1] in _ENDS):
        what = shown(rest) if rest else f"the sign `{words[-1][-1]}`"
        yield "after", f"has {what} after `--{given.written}`; only the next parameter may follow"
        value = value.rstrip(_ENDS)
    if not value and flag.takes not in ("nothing", "code"):
        yield "value", f"has `--{given.written}` without a value"
    elif value:
        yield from _value(given, flag, value)


def _value(given: Given, flag: Flag, value: str) -> Iterator[Fault]:
    if flag.takes == "one of" and value not in flag.choices:
        yield (
            "value",
            f"has {shown(f'--{given.written} {value}')}; {', '.join(flag.choices)} is right",
        )
    elif flag.takes == "ratio":
        yield from _ratio(value)
    elif flag.takes in _NUMBERS:
        bounds = f"{flag.low:.0f} to {flag.high:.0f}"
        fits = _NUMBERS[flag.takes].match(value) and flag.low <= float(value) <= flag.high
        if not fits:
            kind = "a whole number from " if flag.takes == "integer" else ""
            yield "value", f"has {shown(f'--{given.written} {value}')}; {kind}{bounds} is right"


def _ratio(value: str) -> Iterator[Fault]:
    found = _RATIO.match(value)
    if not found:
        yield "ratio", f"has the ratio {shown(value)}; whole numbers such as 2:3 are right"
    elif wideness(value) > WIDEST:
        yield "ratio", f"has the ratio {shown(value)}; at most {WIDEST}:1 is drawn"


def wideness(ratio: str) -> Fraction:
    """The ratio of the long side to the short one; 0 where the text is no ratio."""
    found = _RATIO.match(ratio.split(" ", maxsplit=1)[0].rstrip(_ENDS) if ratio else "")
    if not found:
        return Fraction(0)
    across = Fraction(int(found[1]), int(found[2]))
    return max(across, 1 / across)


def _words(given: Given) -> Iterator[Fault]:
    if not given.value:
        yield "value", "has `--no` without a word"
        return
    if given.value[-1] in _ENDS:
        yield (
            "after",
            f"has the sign `{given.value[-1]}` after `--no`; nothing may follow the last word",
        )
    for entry in given.value.rstrip(_ENDS).split(","):
        words = entry.split()
        if not words:
            yield "no list", "has an empty entry in `--no`; words between single commas are right"
        elif len(words) > 1:
            yield (
                "no list",
                f"has {shown(entry)} in `--no`, read as {len(words)} bans; use single words",
            )
