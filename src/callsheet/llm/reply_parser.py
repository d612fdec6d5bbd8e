"""Finds the JSON object in a complete or partial reply of an LLM."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_REPLY = 10_000_000
"""Characters; far longer than any reply to a schema."""

MAX_STARTS = 200

MAX_READ = 10
"""How many times the length of a text may be read in search of an object."""

MAX_DEPTH = 64
"""How deep objects may be nested for their values to be reported one by one."""

_decoder = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_SPACE_TO_END = re.compile(r"\s*+\Z")
_AN_OBJECT = re.compile(r'\{[ \t\n\r]*(?=["}]|\Z)')
_AFTER_A_NUMBER = re.compile(r"[ \t\n\r,}]")

Path = tuple[str, ...]


def first_object(text: str) -> dict[str, JsonValue] | None:
    """The first complete JSON object in a text; ignores fences, other text and a truncated end."""
    if len(text) > MAX_REPLY:
        return None
    start = text.find("{")
    left = MAX_READ * len(text)
    for _ in range(MAX_STARTS):
        if start < 0 or left < 0:
            return None
        try:
            value, _ = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if _is_cut(error):
                # An object inside a truncated one is no reply of its own.
                return None
            left -= error.pos - start
            start = text.find("{", start + 1)
            continue
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None
    return None


def finished_values(text: str) -> dict[Path, JsonValue]:
    """Every complete value of a reply by its path, even if the reply itself is not complete.

    An object is complete with its closing brace; its values are reported before. The text may end
    anywhere: a value that is still being written is not included.
    """
    start = _AN_OBJECT.search(text)
    if start is None or len(text) > MAX_REPLY:
        return {}
    found: dict[Path, JsonValue] = {}
    # It raises where the text ends, or stops being JSON.
    with suppress(ValueError, RecursionError, IndexError):
        _collect(text, start.start(), found)
    return found


def _collect(text: str, at: int, found: dict[Path, JsonValue]) -> None:
    """Adds the values of the object at `at`; raises where the text ends or is not JSON."""
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
    """The name of a property, and where its value starts."""
    if text[at] != '"':
        raise ValueError(at)
    name, at = _decoder.raw_decode(text, at)
    at = _skip(text, at)
    if text[at] != ":":
        raise ValueError(at)
    return name, _skip(text, at + 1)


def _value(text: str, at: int) -> tuple[JsonValue, int]:
    """A value other than an object, and where it ends; a number needs a character after it."""
    value, end = _decoder.raw_decode(text, at)
    if isinstance(value, int | float) and not _AFTER_A_NUMBER.match(text, end):
        raise ValueError(end)
    return value, end


def _next(text: str, at: int) -> int:
    """Position of the next name or closing brace after a value."""
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
    """Whether the JSON is valid up to the end of the text."""
    rest = _SPACE_TO_END.match(error.doc, error.pos)
    return rest is not None or error.msg.startswith("Unterminated string")
