"""Parses and edits JSON with `//` comments, the format of workflow files."""

from __future__ import annotations

import json
import math
import re
import textwrap
from typing import TYPE_CHECKING

from callsheet.errors import Problem

if TYPE_CHECKING:
    from pydantic import JsonValue
    from pydantic_core import ErrorDetails

_STRING = r'"(?:\\.|[^"\\\n])*+"?'
_STRING_OR_COMMENT = re.compile(rf"{_STRING}|//[^\n]*")
"""A string that nothing closes ends with its line, so that no part of the text is read twice."""

MAX_DEPTH = 64

MAX_LINE = 100
"""Characters of a line that an edit writes, if its value can stand on several lines."""

JsonPath = tuple[str | int, ...]
"""The names of members and the numbers of items that lead to a value."""

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"\s*")


class NotJsonError(ValueError):
    """Text that is not JSON; holds the problem with its line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse(text: str, file: str) -> JsonValue:
    """The JSON value of a text that may contain `//` comments; raises NotJsonError with the line."""
    plain = _STRING_OR_COMMENT.sub(_blank_comment, text)
    try:
        value: JsonValue = json.loads(plain, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise NotJsonError(
            Problem(
                file,
                "",
                f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}",
                "put commas between entries, and none after the last",
            )
        ) from error
    except (ValueError, RecursionError) as error:
        raise NotJsonError(Problem(file, "", f"not JSON: {error}")) from error
    if depth(value) > MAX_DEPTH:
        raise NotJsonError(Problem(file, "", f"nested deeper than {MAX_DEPTH} levels"))
    return value


def insert_member(text: str, path: JsonPath, member: str) -> str | None:
    """The text with `member` added to the object at `path`, or None where there is no such object.

    Comments are preserved. `member` is a name, a colon and a value, without indentation.
    """
    plain = _STRING_OR_COMMENT.sub(_blank_comment, text)
    found = _span(plain, path)
    if found is None or plain[found[0]] != "{":
        return None
    start, end = found[0], found[1] - 1
    block = textwrap.indent(member.rstrip(), "  " * (len(path) + 1))
    closing = "\n" + "  " * len(path)
    last = start + 1 + len(plain[start + 1 : end].rstrip())
    comma = "," if last > start + 1 else ""
    return f"{text[:last]}{comma}{text[last:end].rstrip()}\n{block}{closing}{text[end:]}"


def replace_value(text: str, path: JsonPath, value: JsonValue) -> str | None:
    """The text with another value at `path`, or None where there is none.

    Everything around the value stays as it is. A value that would make its line too long is written
    on several lines.
    """
    found = _span(_STRING_OR_COMMENT.sub(_blank_comment, text), path)
    if found is None:
        return None
    start, end = found
    line = text[text.rfind("\n", 0, start) + 1 : start]
    written = json_text(value)
    if len(line) + len(written) > MAX_LINE and not isinstance(value, str):
        indent = line[: len(line) - len(line.lstrip())]
        lines = json.dumps(value, ensure_ascii=False, indent=2)
        written = textwrap.indent(lines, indent).lstrip()
    return f"{text[:start]}{written}{text[end:]}"


def json_text(value: JsonValue) -> str:
    """The value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def _span(plain: str, path: JsonPath) -> tuple[int, int] | None:
    """Where the value at a path begins and ends."""
    try:
        at: int | None = _after_blanks(plain, 0)
        for name in path:
            at = None if at is None else _child(plain, at, name)
        return None if at is None else (at, _DECODER.raw_decode(plain, at)[1])
    except (ValueError, IndexError):
        return None


def _child(plain: str, at: int, name: str | int) -> int | None:
    """Where a member's or an item's value begins in the object or list at a position."""
    if plain[at] != ("{" if isinstance(name, str) else "["):
        return None
    number, at = 0, _after_blanks(plain, at + 1)
    while plain[at] not in "}]":
        key: str | int = number
        if isinstance(name, str):
            key, at = _DECODER.raw_decode(plain, at)
            at = _after_blanks(plain, _after_blanks(plain, at) + 1)
        if key == name:
            return at
        at = _after_blanks(plain, _DECODER.raw_decode(plain, at)[1])
        at = _after_blanks(plain, at + 1) if plain[at] == "," else at
        number += 1
    return None


def _after_blanks(plain: str, at: int) -> int:
    found = _BLANKS.match(plain, at)
    return found.end() if found else at


def place_and_words(detail: ErrorDetails) -> tuple[str, str]:
    """JSON path of a wrong value, without `$`, and what is wrong with it."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    message = detail["msg"]
    return path, message[:1].lower() + message[1:]


def depth(value: JsonValue) -> int:
    """How many levels of lists and objects a value has."""
    level, nodes = 0, [value]
    while nodes := [child for node in nodes for child in _children(node)]:
        level += 1
    return level


def _children(node: JsonValue) -> list[JsonValue]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _blank_comment(found: re.Match[str]) -> str:
    # As many blanks as the comment has characters keep line and column of errors correct.
    token = found.group()
    return token if token.startswith('"') else " " * len(token)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text:.20} is too large a number")
    return number
