"""How many tokens an image takes, as far as a provider documents it; None where it does not, never 0.

The providers' pages, read in November 2026:

* OpenAI, "Images and vision": tiles of 512 pixels after a fit into 2048 and a short side of 768, or
  patches of 32 pixels, at most 1536, times a factor. It does not say which one applies to LLMs that
  are not named below.
* Anthropic, "Vision": patches of 28 pixels. Older LLMs shrink an image to 1568 of them, the latest
  to 4784; the larger number is used, so that a budget holds for all of them.
* Google, "Understand and count tokens": 258 for a small image and for each tile of a larger one;
  Gemini 3 takes 1120 by default.
"""

from __future__ import annotations

import math

_TILES = (
    ("gpt-4o-mini", 2833, 5667),
    ("gpt-4o", 85, 170),
    ("gpt-4.1", 85, 170),
    ("o1", 75, 150),
    ("o3", 75, 150),
    ("gpt-5", 70, 140),
)
_PATCHES = (
    ("gpt-4.1-mini", 1.62),
    ("gpt-4.1-nano", 2.46),
    ("gpt-5-mini", 1.62),
    ("gpt-5-nano", 2.46),
    ("o4-mini", 1.72),
)

_ANTHROPIC_PATCH, _ANTHROPIC_MOST = 28, 4_784
_GEMINI_SMALL, _GEMINI_TILE, _GEMINI_3 = 384, 258, 1_120


def openai_image_tokens(name: str, width: int, height: int) -> int | None:
    """Tiles or patches, by the LLM's family; None for a family that is not documented."""
    for family, factor in _PATCHES:
        if _is(name, family):
            return math.ceil(min(_cells(width, height, 32), 1536) * factor)
    for family, base, tile in _TILES:
        if _is(name, family):
            fit = min(1, 2048 / max(width, height))
            fit *= min(1, 768 / (min(width, height) * fit))
            return base + tile * _cells(width * fit, height * fit, 512)
    return None


def anthropic_image_tokens(_name: str, width: int, height: int) -> int:
    """The most that any of Anthropic's LLMs takes."""
    return min(_cells(width, height, _ANTHROPIC_PATCH), _ANTHROPIC_MOST)


def google_image_tokens(name: str, width: int, height: int) -> int | None:
    """A constant for Gemini 3, tiles for the families before it; None for any other."""
    if name.startswith("gemini-3-"):
        return _GEMINI_3
    if not name.startswith(("gemini-2.", "gemini-1.5")):
        return None
    if max(width, height) <= _GEMINI_SMALL:
        return _GEMINI_TILE
    tile = min(max(min(width, height) // 1.5, 256), 768)
    return _GEMINI_TILE * _cells(width, height, tile)


def _is(name: str, family: str) -> bool:
    """Whether a name is that of a family, or of one dated version of it."""
    rest = name.removeprefix(family)
    return rest != name and (not rest or (rest[0] == "-" and rest[1:2].isdigit()))


def _cells(width: float, height: float, side: float) -> int:
    """How many squares of this side cover an image."""
    return math.ceil(width / side) * math.ceil(height / side)


def no_image_tokens(_name: str, _width: int, _height: int) -> int:
    """For providers that no image is sent to by callsheet."""
    return 0
