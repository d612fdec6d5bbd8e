"""Finds the JSON object in what an LLM wrote, whatever stands around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_REPLY = 10_000_000
"""Characters; no reply that answers a schema comes near it."""

MAX_STARTS = 200

_decoder = json.JSONDecoder()


def first_object(text: str) -> dict[str, JsonValue] | None:
    """The first complete JSON object in a text: fences, chatter and a cut tail are passed over."""
    if len(text) > MAX_REPLY:
        return None
    start = text.find("{")
    for _ in range(MAX_STARTS):
        if start < 0:
            return None
        try:
            value, _ = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if _is_cut(error):
                # What stands inside an object that has not ended is no reply of its own.
                return None
            start = text.find("{", start + 1)
            continue
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None
    return None


def finished_part(text: str) -> dict[str, JsonValue]:
    """What stands complete in a reply that was cut off: the value that was being written is not."""
    from pydantic_core import from_json

    start = text.find("{")
    if start < 0 or len(text) > MAX_REPLY:
        return {}
    try:
        value = from_json(text[start:], allow_partial=True)
    except ValueError:
        return first_object(text) or {}
    return value if isinstance(value, dict) else {}


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Whether the text simply ended where JSON would have gone on."""
    return error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
