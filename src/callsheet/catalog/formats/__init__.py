"""Named formats: what a model's prompt must be where JSON Schema's keywords cannot say it.

A schema names one with `"format": "midjourney-image"`. A finding's rule is the format's name and
its rule's, `midjourney-image: flag`. A package of yours brings another with an entry point of the
group `callsheet.formats` whose value is a `Format`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Format
from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

GUESTS = "callsheet.formats"
"""The entry point group: a name is a format's, its value `package.file:format`."""

STANDARD = frozenset(
    {
        "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
        "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template",
        "json-pointer", "relative-json-pointer", "regex",
    }
)  # fmt: skip
"""Formats of JSON Schema's own; we leave them to the provider."""

_FAMILIES = (
    "plain_text", "clip_tokens", "sentences", "motion", "stable_diffusion", "sdxl_families",
    "midjourney_image", "midjourney_video", "video_text",
)  # fmt: skip


@lru_cache(maxsize=1)
def built_in() -> Mapping[str, Format]:
    """Our formats by name."""
    places = (import_module(f"{__name__}.{family}") for family in _FAMILIES)
    return {each.name: each for place in places for each in place.FORMATS}


@lru_cache(maxsize=256)
def find_format(name: str) -> Format | None:
    """The format of this name, ours or a guest's; None for any other."""
    if name in STANDARD:
        return None
    if name in built_in():
        return built_in()[name]
    guest = next((one for one in entry_points(group=GUESTS) if one.name == name), None)
    if guest is None:
        return None
    try:
        found = guest.load()
    except Exception as error:
        raise InputError(
            f"the format `{name}` cannot be loaded: {type(error).__name__}: {error!s:.200}",
            hint=f"mend or remove the package that brings it: {guest.value}",
        ) from error
    return found if isinstance(found, Format) else None
