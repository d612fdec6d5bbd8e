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
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\]:]")
_STRING_OR_COMMENT = re.compile(rf"{_STRING}|//[^\n]*")
"""A string that nothing closes ends with its line, so that no part of the text is read twice."""

MAX_DEPTH = 64


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


def insert_member(text: str, path: tuple[str, ...], member: str) -> str | None:
    """The text with `member` added to the object at `path`, or None where there is no such object.

    Comments are preserved. `member` is a name, a colon and a value, without indentation.
    """
    plain = _STRING_OR_COMMENT.sub(_blank_comment, text)
    found = _object_at(plain, path)
    if found is None:
        return None
    start, end = found
    block = textwrap.indent(member.rstrip(), "  " * (len(path) + 1))
    closing = "\n" + "  " * len(path)
    last = start + 1 + len(plain[start + 1 : end].rstrip())
    comma = "," if last > start + 1 else ""
    return f"{text[:last]}{comma}{text[last:end].rstrip()}\n{block}{closing}{text[end:]}"


def _object_at(plain: str, path: tuple[str, ...]) -> tuple[int, int] | None:
    """Positions of the braces of the object at a path."""
    opened: list[tuple[str, int]] = []
    name = last = ""
    for token in _TOKEN.finditer(plain):
        match token[0]:
            case ":":
                name = last
            case "{" | "[" as sign:
                opened.append((name if sign == "{" else "[", token.start()))
                name = ""
            case "}" | "]":
                if not opened:
                    return None
                here = tuple(each for each, _ in opened[1:])
                _, start = opened.pop()
                if token[0] == "}" and here == path:
                    return start, token.start()
            case string:
                last = str(json.loads(string))
    return None


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
