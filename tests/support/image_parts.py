"""Finds the pictures in a request, in the form that each provider documents, and refuses any other.

OpenAI, "Images and vision" (Chat Completions): a part of type `image_url` with `{"url", "detail"?}`.
Anthropic, "Vision": a block of type `image` with a source `{"type": "base64", "media_type", "data"}`.
Google, "Image understanding": a part with `inlineData` of `{"mimeType", "data"}`; its form of JSON takes
both alphabets of base64.
"""

from __future__ import annotations

import base64
import re
from typing import Any

_FROM_URLS = str.maketrans("-_", "+/")

MEDIA_TYPES = {"image/png", "image/jpeg", "image/webp"}


class FormError(Exception):
    """A part that the provider would refuse."""


def pictures(provider: str, body: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Each picture's media type and content, in order; raises FormError."""
    match provider:
        case "anthropic":
            parts = [part for message in body["messages"] for part in _parts(message["content"])]
            return [_anthropic(part) for part in parts if part.get("type") != "text"]
        case "google":
            parts = [part for content in body["contents"] for part in content["parts"]]
            return [_google(part) for part in parts if "text" not in part]
        case _:
            parts = [part for message in body["messages"] for part in _parts(message["content"])]
            return [_openai(part) for part in parts if part.get("type") != "text"]


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _openai(part: dict[str, Any]) -> tuple[str, bytes]:
    if set(part) != {"type", "image_url"} or part["type"] != "image_url":
        raise FormError(f"no part of a message: {sorted(part)}")
    if not set(part["image_url"]) <= {"url", "detail"}:
        raise FormError(f"no image_url: {sorted(part['image_url'])}")
    found = re.fullmatch(r"data:([a-z/]+);base64,([A-Za-z0-9+/=]+)", part["image_url"]["url"])
    if found is None:
        raise FormError("the URL is no data URL")
    return _content(found[1], found[2])


def _anthropic(part: dict[str, Any]) -> tuple[str, bytes]:
    if not set(part) <= {"type", "source", "cache_control"} or part["type"] != "image":
        raise FormError(f"no content block: {sorted(part)}")
    source = part["source"]
    if set(source) != {"type", "media_type", "data"} or source["type"] != "base64":
        raise FormError(f"no source: {sorted(source)}")
    return _content(source["media_type"], source["data"])


def _google(part: dict[str, Any]) -> tuple[str, bytes]:
    report = {_camel(name): value for name, value in part.get("inlineData", {}).items()}
    if set(part) != {"inlineData"} or set(report) != {"mimeType", "data"}:
        raise FormError(f"no part of a content: {sorted(part)}")
    return _content(report["mimeType"], report["data"].translate(_FROM_URLS))


def _camel(name: str) -> str:
    """A field's name; Google's own form of JSON takes both spellings, as its pages use both."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _content(media_type: str, data: str) -> tuple[str, bytes]:
    if media_type not in MEDIA_TYPES:
        raise FormError(f"no type of picture: {media_type}")
    return media_type, base64.b64decode(data, validate=True)
