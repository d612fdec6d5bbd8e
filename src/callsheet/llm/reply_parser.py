"""Finds in what an LLM wrote, or is still writing, the JSON object that it was asked for."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_REPLY = 10_000_000
"""Characters; no reply that answers a schema comes near it."""

MAX_STARTS = 200

MAX_DEPTH = 64
"""How deep objects may stand in each other and their values still be told one by one."""

_decoder = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_AN_OBJECT = re.compile(r'\{[ \t\n\r]*(?=["}]|\Z)')
_AFTER_A_NUMBER = re.compile(r"[ \t\n\r,}]")

Path = tuple[str, ...]


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


def finished_values(text: str) -> dict[Path, JsonValue]:
    """Every value that stands complete in a reply, by its path, whether or not the reply does.

    An object is complete with its last brace; what it holds is told before, value by value. The
    text may end anywhere: a value that is being written is not there yet.
    """
    start = _AN_OBJECT.search(text)
    if start is None or len(text) > MAX_REPLY:
        return {}
    found: dict[Path, JsonValue] = {}
    # It raises where the text ends, or is no JSON from there on.
    with suppress(ValueError, RecursionError, IndexError):
        _collect(text, start.start(), found)
    return found


def _collect(text: str, at: int, found: dict[Path, JsonValue]) -> None:
    """Adds the values of the object at `at`; raises where the text ends or is no JSON."""
    path: list[str] = []
    opened: list[dict[str, JsonValue]] = [{}]
    at = _skip(text, at + 1)
    while len(opened) <= MAX_DEPTH:
        if text[at] == "}":
            closed = opened.pop()
            found[tuple(path)] = closed
            if not opened:
                return
            opened[-1][path.pop()] = closed
            at = _next(text, at + 1)
            continue
        name, at = _name(text, at)
        if text[at] == "{":
            path.append(name)
            opened.append({})
            at = _skip(text, at + 1)
            continue
        value, at = _value(text, at)
        opened[-1][name] = found[(*path, name)] = value
        at = _next(text, at)


def _name(text: str, at: int) -> tuple[str, int]:
    """A property's name, and where its value begins."""
    if text[at] != '"':
        raise ValueError(at)
    name, at = _decoder.raw_decode(text, at)
    at = _skip(text, at)
    if text[at] != ":":
        raise ValueError(at)
    return name, _skip(text, at + 1)


def _value(text: str, at: int) -> tuple[JsonValue, int]:
    """A value that is no object, and where it ends; a number ends only with what follows it."""
    value, end = _decoder.raw_decode(text, at)
    if isinstance(value, int | float) and not _AFTER_A_NUMBER.match(text, end):
        raise ValueError(end)
    return value, end


def _next(text: str, at: int) -> int:
    """Where the next name, or the closing brace, stands behind a value."""
    at = _skip(text, at)
    if text[at] == ",":
        return _skip(text, at + 1)
    if text[at] != "}":
        raise ValueError(at)
    return at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Whether the text simply ended where JSON would have gone on."""
    return error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
