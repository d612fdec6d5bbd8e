"""Fills text templates with plain values: sandboxed, bounded, and strict about undefined names.

Only a workflow's own files are templates. What a person or an LLM wrote is always a value, so
`{{ … }}` inside it arrives as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

MAX_TEMPLATE = 200_000
MAX_RENDERED = 1_000_000
"""Characters; a filled message is a thousandth of that."""


def fill(template: str, variables: Mapping[str, JsonValue], *, name: str = "template") -> str:
    """The template with its variables put in; raises InputError naming what is undefined."""
    if len(template) > MAX_TEMPLATE:
        raise InputError(f"{name} has {len(template):,} characters; the limit is {MAX_TEMPLATE:,}")
    try:
        pieces: list[str] = []
        size = 0
        for piece in _compiled(template).generate(**variables):
            size += len(piece)
            if size > MAX_RENDERED:
                raise InputError(f"{name} grows beyond {MAX_RENDERED:,} characters when filled")
            pieces.append(piece)
    except TemplateError as error:
        raise InputError(
            f"{name} cannot be filled: {error.message}", hint=_hint(variables)
        ) from error
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be filled: {error}", hint=_hint(variables)) from error
    return "".join(pieces).strip()


@lru_cache(maxsize=256)
def _compiled(template: str) -> Template:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # Prompts are text, not markup: escaping would put `&amp;` into them.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    # `range`, `lipsum` and the like only serve to grow a text without bound.
    environment.globals.clear()
    environment.filters |= {"phrase": phrase, "opening": opening, "has": has, "shaped": shaped}
    return environment


def phrase(text: object) -> str:
    """A text as part of a sentence: one line, no prompt syntax in it, no full stop behind it."""
    words = re.sub(r"--+|::+|[()\[\]{}<>]", " ", str(text or "")).split()
    return " ".join(words).replace(" ,", ",").rstrip(" .,;:!?…\u3002\u3001\uff01\uff1f")


def opening(text: str) -> str:
    """The text with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


def has(text: object, *words: str) -> bool:
    """Whether one of the words stands in the text, in whichever case and with any ending."""
    found = str(text or "").lower()
    return any(re.search(rf"\b{re.escape(word.lower())}", found) for word in words)


def shaped(ratio: str, tall: str, wide: str, square: str) -> str:
    """The one of three texts that fits an aspect ratio such as `2:3`."""
    width, _, height = ratio.partition(":")
    across, down = int(width), int(height)
    return square if across == down else tall if across < down else wide


def _hint(variables: Mapping[str, JsonValue]) -> str:
    names = ", ".join(f"`{name}`" for name in variables) or "none"
    return f"its variables are: {names}"
