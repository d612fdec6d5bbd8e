"""Helpers for export forms: a prompt's texts, and its settings in words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def named_texts(prompts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each text with its name; a prompt of several fields gives several."""
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            for inner, text in named_texts(prompt):
                yield f"{name}.{inner}", text
        else:
            yield name, str(prompt)


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
