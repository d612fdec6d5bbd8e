"""Helpers for export forms: a prompt's texts, its settings in words, and text that is safe to open."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP = re.compile(r"[\\`*~\[\]|]|(?<!\w)_|_(?!\w)")
_ENTITIES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def printable(text: str) -> str:
    """The text without characters that a terminal or an editor would obey instead of showing."""
    return _CONTROL.sub("", text)


def printable_values(value: JsonValue) -> JsonValue:
    """The same for each text of a JSON value."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable_values(item) for item in value]
    if isinstance(value, dict):
        return {name: printable_values(item) for name, item in value.items()}
    return value


def escape_controls(document: str) -> str:
    """A JSON document with those characters as escapes; it says the same."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def inert_markdown(text: str) -> str:
    """The text as one line of Markdown that shows it, and is neither markup nor HTML."""
    return _MARKUP.sub(r"\\\g<0>", one_line(printable(text))).translate(_ENTITIES)


def named_texts(prompts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each text with its name; a prompt of several fields gives several."""
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            for inner, text in named_texts(prompt):
                yield f"{name}.{inner}", text
        else:
            yield name, str(prompt)


def coverage_text(coverage: Mapping[str, Any]) -> str:
    """How many facts of the idea a prompt keeps: `5 of 5`; or why nothing was checked."""
    if not coverage["checked"]:
        return f"not checked: {coverage['reason']}"
    return f"{coverage['kept']} of {coverage['of']}"


def settings_sentence(lines: Sequence[str]) -> str:
    """The settings outside the prompt, in one line; empty where there are none."""
    return f"set: {'; '.join(lines)}" if lines else ""


def one_line(text: str) -> str:
    """The text with all line breaks replaced by spaces."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def code_fence(text: str) -> str:
    """The text in a Markdown fence longer than any fence inside it."""
    fence = "`" * (1 + max(map(len, re.findall("`{2,}", text)), default=2))
    return f"{fence}text\n{text}\n{fence}"


def as_json(value: Mapping[str, Any]) -> str:
    """A JSON document for a file; characters beyond ASCII stay as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
