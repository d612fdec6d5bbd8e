"""Applies the regular expressions that workflows contain, for a limited time.

They run in the package `regex`: Python's own `re` has no time limit and stops every other thread
while it searches. The package is imported when the first pattern is applied.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from callsheet.errors import InputError, PatternTooSlowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

SECONDS = 0.5
"""Processor time that a pattern may search a text; a usual one takes a thousandth of that."""

LONGEST = 2_000
"""Characters of a pattern."""

_TRIAL = 5_000
"""Characters of the texts that a pattern is tried on."""

_ANYTHING = ("\n", " ", "[", "(", '"', ",", "1", "a", "a\u0301")


def search(pattern: str, text: str, *, seconds: float = SECONDS, whole: bool = False) -> bool:
    """Whether the pattern matches anywhere in the text, or all of it.

    Raises PatternTooSlowError, and InputError for what is no pattern.
    """
    compiled = _compiled(pattern)
    match = compiled.fullmatch if whole else compiled.search
    try:
        return match(text, timeout=seconds, concurrent=True) is not None
    except TimeoutError as error:
        raise PatternTooSlowError(pattern) from error


def check_pattern(pattern: str) -> None:
    """Tries a pattern on texts that make it slow; raises InputError, PatternTooSlowError."""
    for text in _hostile_texts(pattern):
        search(pattern, text)


def patterns_in(schema: JsonValue, at: str = "$") -> Iterator[tuple[str, str]]:
    """Each pattern of a schema, with its JSON path."""
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from patterns_in(item, f"{at}[{number}]")
    if not isinstance(schema, dict):
        return
    for key, item in schema.items():
        if key == "pattern" and isinstance(item, str):
            yield f"{at}.pattern", item
        elif key == "patternProperties" and isinstance(item, dict):
            yield from ((f"{at}.{key}", pattern) for pattern in item)
        if key not in ("enum", "const", "examples", "default"):
            yield from patterns_in(item, f"{at}.{key}")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import regex

    if len(pattern) > LONGEST:
        raise InputError(f"a pattern has {len(pattern):,} characters; the limit is {LONGEST:,}")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InputError(f"{pattern!r:.80} is not a regular expression: {error}") from error


def _hostile_texts(pattern: str) -> Iterator[str]:
    """Repetitions of the pattern's own signs and words, and of others, each with a false end."""
    words = re.findall(r"\w+ ?|[^\w\\]", pattern)
    for unit in dict.fromkeys((*_ANYTHING, *words, *(word[0] for word in words))):
        yield unit * (_TRIAL // len(unit)) + "\0"
