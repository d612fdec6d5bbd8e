"""Tokens of a request's image, by what its provider documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.llm.providers import provider_of

if TYPE_CHECKING:
    from callsheet.images import Image


def request_image_tokens(provider: str, name: str, image: Image | None) -> int | None:
    """The most tokens that an image takes, 0 where there is none; None where it is not documented."""
    return 0 if image is None else image_tokens(provider, name, image.width, image.height)


def image_tokens(provider: str, name: str, width: int, height: int) -> int | None:
    """The most tokens that an image of this size takes; None where it is not documented."""
    known = provider_of(provider)
    return known.image_tokens(name, width, height) if known and known.image_tokens else None
