"""Writes what a schema asks for, as a careful LLM would: the same words for the same place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Write = Callable[[str, Mapping[str, Any]], str]
"""The text for a place (`$.prompts.ONE`) and its schema."""

_IDEA: ContextVar[str] = ContextVar("idea", default="")
_FROM_STILL: ContextVar[bool] = ContextVar("from_still", default=False)

_WORDS = (
    "A woman reads by a rain-streaked window at dusk, warm lamplight on the page, the city behind"
    " the glass in soft blue shapes, a cup of tea on the sill, slow steam, a static camera"
)
_MOTION = (
    "Static camera, locked frame: reed tips bow and straighten in one slow cycle, small rings spread"
    " and fade, a breath of warmth comes and goes, and all returns to the opening pose"
)
_H3_FIELDS = ("integrated_multimodal_description", "overall_soundscape", "non_diegetic_music")
"""The fixed form of prompts for MiniMax H3."""

_H3_STILL = (
    "For the target video, at 0.00 seconds into the target video, <Picture 1> (from [Shot 1]) is"
    " fully referenced."
)

_FORMATS = {
    "date-time": "2026-11-22T18:30:00Z",
    "date": "2026-11-22",
    "time": "18:30:00Z",
    "duration": "PT5S",
    "email": "crew@example.org",
    "hostname": "example.org",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "6f1c0f3e-2d55-4a3e-9c57-0d9a54a3c1b2",
}


def write_text(path: str, node: Mapping[str, Any]) -> str:
    """A sentence or more, of the length and form that the node tells by keyword or in words.

    It shows the idea, unless it says what must stay away.
    """
    if node.get("format") in _FORMATS:
        return _FORMATS[node["format"]]
    pattern = node.get("pattern") or _told(node, r"regular expression `(.*?)`\.( |$)")
    if pattern.startswith("^") and pattern.endswith("$"):
        return from_pattern(pattern)
    least = _bound(node, "minLength", "least", 0)
    most = _bound(node, "maxLength", "most", 10_000)
    words = _MOTION if _told(node, r"([Ww]hat moves)") else _WORDS
    negative = "negative" in f"{path} {node.get('format')}".lower()
    idea = _IDEA.get()
    shown = f"{idea}, " if idea and not negative and not words.lower().startswith(idea) else ""
    text = f"{shown}{words}, written for {path.rpartition('.')[2]}"
    while len(text) < least:
        text += f", {words}"
    if path.endswith("MINIMAX_H3"):
        return _h3_text(text)
    ending = "" if re.search(pattern, text[:most]) else from_pattern(pattern)
    return text[: most - len(ending)].rstrip(" ,") + ending


def _h3_text(text: str) -> str:
    """The fixed form of a prompt for MiniMax H3; for a still, with its first line."""
    first = f"{_H3_STILL}\n\n" if _FROM_STILL.get() else ""
    fields = (f"[Shot 1] {text}.", "Slow rain.", "N/A")
    return first + "\n\n".join(
        f"{name}: {each}" for name, each in zip(_H3_FIELDS, fields, strict=True)
    )


@contextmanager
def writing_for(request: Any) -> Iterator[None]:
    """Within it, what is written shows the idea of this request to an LLM."""
    sent = str(request)
    token = _IDEA.set(_idea_in(request))
    still = _FROM_STILL.set("Prompt of the still" in sent and "none at hand" not in sent)
    yield
    _IDEA.reset(token)
    _FROM_STILL.reset(still)


def _idea_in(value: Any) -> str:
    """The idea that a message ends with, or that a request for a repair quotes."""
    if isinstance(value, str):
        _, found, idea = value.rpartition("\nIdea:\n")
        ended = re.split(r"\n\n(?:Prompts:|Your last reply|Reply with)", idea)[0].strip()
        # A motion names what moves, and copies nothing of the prompt of its still.
        has_still = "Prompt of the still" in value and "none at hand" not in value
        return " ".join(ended.split()[: 4 if has_still else None]) if found else ""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((idea for part in parts if (idea := _idea_in(part))), "")


def fill(schema: Mapping[str, Any], write: Write = write_text) -> Any:
    """A value that the schema asks for, and nothing that it does not ask for."""
    return _fill(schema, schema, "$", write)


def _fill(node: Mapping[str, Any], root: Mapping[str, Any], at: str, write: Write) -> Any:
    if reference := node.get("$ref"):
        target: Any = root
        for name in reference.removeprefix("#").split("/")[1:]:
            target = target[name]
        return _fill(target, root, at, write)
    if values := node.get("enum", [node["const"]] if "const" in node else None):
        return values[0]
    if choices := node.get("anyOf"):
        return _fill(choices[0], root, at, write)
    if "properties" in node:
        return {
            name: _fill(child, root, f"{at}.{name}", write)
            for name, child in node["properties"].items()
        }
    if "items" in node:
        count = max(1, node.get("minItems", 1))
        return [_fill(node["items"], root, f"{at}[{i}]", write) for i in range(count)]
    return _leaf(node, at, write)


def _leaf(node: Mapping[str, Any], at: str, write: Write) -> Any:
    kind = node.get("type", "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "string":
            return write(at, node)
        case "object":
            return {}
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return node.get("minimum", node.get("exclusiveMinimum", 0) + 1)


def _told(node: Mapping[str, Any], words: str) -> str:
    """What the description tells in such words, or nothing."""
    found = re.search(words, node.get("description", ""))
    return found[1] if found else ""


def _bound(node: Mapping[str, Any], keyword: str, words: str, default: int) -> int:
    report = _told(node, rf"[Aa]t {words} (\d[\d,]*) characters").replace(",", "")
    return int(node.get(keyword) or report or default)


def from_pattern(pattern: str) -> str:
    """The shortest plain text that a regular expression without lookaround takes."""
    text = _shortest(_parser.parse(pattern))
    text = text.rstrip() if re.search(pattern, text.rstrip()) else text
    assert re.search(pattern, text), f"no text was found for {pattern!r}"
    return text


def _shortest(parsed: Any) -> str:
    return "".join(_PIECES[str(op)](value) for op, value in parsed)


def _one_of(members: Any) -> str:
    """One letter that a bracket takes; of those it excludes, one that is not among them."""
    taken = [_PIECES[str(op)](value) for op, value in members if str(op) != "NEGATE"]
    if str(members[0][0]) == "NEGATE":
        return next(letter for letter in "zZ9 -" if letter not in taken)
    return taken[0]


_PIECES: Mapping[str, Callable[[Any], str]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda code: "a" if code != ord("a") else "b",
    "ANY": lambda _: "a",
    "IN": _one_of,
    "RANGE": lambda ends: chr(ends[0]),
    "CATEGORY": lambda category: {"DIGIT": "0", "WORD": "a", "SPACE": " "}[str(category)[9:]],
    "BRANCH": lambda value: _shortest(value[1][0]),
    "SUBPATTERN": lambda value: _shortest(value[-1]),
    "MAX_REPEAT": lambda value: _shortest(value[2]) * value[0],
    "MIN_REPEAT": lambda value: _shortest(value[2]) * value[0],
    "AT": lambda _: "",
}
