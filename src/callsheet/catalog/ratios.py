"""Which aspect ratios model groups take, and which of them is nearest to another."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

COMMON = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16")
"""The ratios among which is chosen where every group takes any."""


def offered_ratios(limits: Sequence[Collection[str]]) -> list[str]:
    """The ratios that all groups take, or those of any group where they share none.

    `limits` holds the ratios of each group; an empty one is of a group that takes any.
    """
    limited = [ratios for ratios in limits if ratios]
    every = dict.fromkeys([*COMMON, *(ratio for ratios in limited for ratio in ratios)])
    if not limited:
        return list(COMMON)
    shared = [ratio for ratio in every if all(ratio in ratios for ratios in limited)]
    return shared or [ratio for ratio in every if any(ratio in ratios for ratios in limited)]


def nearest_ratio(ratio: str, ratios: Sequence[str]) -> str:
    """The one nearest to a ratio; the ratio itself where any is taken, or it is none."""
    wanted = _value(ratio)
    if not ratios or wanted is None:
        return ratio
    return min(ratios, key=lambda each: _distance(wanted, _value(each) or wanted))


def _distance(one: Fraction, other: Fraction) -> Fraction:
    return max(one / other, other / one)


def _value(ratio: str) -> Fraction | None:
    width, _, height = ratio.partition(":")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        return None
    return Fraction(int(width), int(height))
