"""How many tokens a picture takes, as far as a provider says; None where it does not, never 0.

The providers' pages, read in November 2026:

* OpenAI, "Images and vision": tiles of 512 pixels after a fit into 2048 and a short side of 768, or
  patches of 32 pixels, at most 1536, times a factor. Which one goes for LLMs that are not named
  below, it does not say.
* Anthropic, "Vision": patches of 28 pixels. Older LLMs shrink a picture to 1568 of them, the latest
  to 4784; the larger number is taken, for a ceiling must hold.
* Google, "Understand and count tokens": 258 for a small picture and for each tile of a larger one;
  Gemini 3 takes 1120 unless told otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet.images import Image

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


def request_image_tokens(provider: str, name: str, picture: Image | None) -> int | None:
    """The same for a picture that may not be there."""
    if picture is None:
        return 0
    return image_tokens(provider, name, picture.width, picture.height)


def image_tokens(provider: str, name: str, width: int, height: int) -> int | None:
    """The most tokens that a picture of this size takes; None where nobody says."""
    match provider:
        case "offline" | "paste":
            return 0
        case "openai":
            return _openai(name, width, height)
        case "anthropic":
            patches = _cells(width, height, _ANTHROPIC_PATCH)
            return min(patches, _ANTHROPIC_MOST)
        case "google":
            return _google(name, width, height)
        case _:
            return None


def _openai(name: str, width: int, height: int) -> int | None:
    for family, factor in _PATCHES:
        if _is(name, family):
            return math.ceil(min(_cells(width, height, 32), 1536) * factor)
    for family, base, tile in _TILES:
        if _is(name, family):
            fit = min(1, 2048 / max(width, height))
            fit *= min(1, 768 / (min(width, height) * fit))
            return base + tile * _cells(width * fit, height * fit, 512)
    return None


def _google(name: str, width: int, height: int) -> int | None:
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
    """How many squares of this side cover a picture."""
    return math.ceil(width / side) * math.ceil(height / side)
