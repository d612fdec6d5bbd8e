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

_FAMILIES = {
    "plain_text": "plain-text plain-lines plain-tags negative-words negative-nouns",
    "clip_tokens": "clip-chunks",
    "sentences": "gpt-image nano-banana flux-2 lucid-origin seedream qwen-image "
    "stable-diffusion-3 krea-3 z-image grok-image",
    "placed_text": "flux-3 flux-3-klein ideogram-4",
    "motion": "motion-text",
    "stable_diffusion": "stable-diffusion-a1111 danbooru-tags danbooru-negative",
    "sdxl_families": "illustrious-tags illustrious-negative pony-tags pony-negative animagine-tags "
    "animagine-negative",
    "midjourney_image": "midjourney-image midjourney-8.2 niji-7",
    "midjourney_video": "midjourney-video",
    "video_text": "veo-clip kling-clip kling-4-clip omni-clip seedance-clip hailuo-clip luma-clip wan-clip"
    " wan-3-clip runway-clip ltx-clip",
    "minimax_h3": "h3-clip",
    "seedance_marks": "seedance-2.5-clip",
}
"""The names of the formats in each module; a module is imported when one of its formats is used."""

BUILT_IN = {name: family for family, names in _FAMILIES.items() for name in names.split()}
"""The names of the built-in formats, each with its module."""


def built_in() -> Mapping[str, Format]:
    """The built-in formats by name."""
    return {name: _load(family)[name] for name, family in BUILT_IN.items()}


def is_known(name: str) -> bool:
    """Whether a format of this name exists: JSON Schema's, built in or installed."""
    return name in STANDARD or name in BUILT_IN or find_format(name) is not None


def find_format(name: str) -> Format | None:
    """The format of this name, built in or installed; None for any other."""
    if name in STANDARD:
        return None
    if name in BUILT_IN:
        return _load(BUILT_IN[name])[name]
    entries = POINT.entries()
    return POINT.load(entries[name], Format) if name in entries else None


@lru_cache
def _load(family: str) -> Mapping[str, Format]:
    return {each.name: each for each in import_module(f"{__name__}.{family}").FORMATS}
