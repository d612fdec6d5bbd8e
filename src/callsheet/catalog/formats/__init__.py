"""Named formats: rules for a model's prompts that JSON Schema's keywords cannot express.

A schema names one with `"format": "midjourney-image"`. A finding's rule is the format's name and
the rule's name, `midjourney-image: flag`. Installed packages add formats with an entry point of the
group `callsheet.formats` (see `callsheet.plugins`).
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Format
from callsheet.plugins import FORMATS as POINT

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD = frozenset(
    {
        "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
        "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template",
        "json-pointer", "relative-json-pointer", "regex",
    }
)  # fmt: skip
"""The formats that JSON Schema itself defines; they are left to the provider."""

_FAMILIES = (
    "plain_text", "clip_tokens", "sentences", "motion", "stable_diffusion", "sdxl_families",
    "midjourney_image", "midjourney_video", "video_text",
)  # fmt: skip


@lru_cache(maxsize=1)
def built_in() -> Mapping[str, Format]:
    """The built-in formats by name."""
    places = (import_module(f"{__name__}.{family}") for family in _FAMILIES)
    return {each.name: each for place in places for each in place.FORMATS}


def find_format(name: str) -> Format | None:
    """The format of this name, built in or installed; None for any other."""
    if name in STANDARD:
        return None
    if name in built_in():
        return built_in()[name]
    entries = POINT.entries()
    return POINT.load(entries[name], Format) if name in entries else None
