"""The text in which a search looks for words: of any script, whatever its case and its accents."""

from __future__ import annotations

import json
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FIRST_ACCENT, LAST_ACCENT = 0x300, 0x1F000
"""Where Unicode has combining characters."""

LOWEST_ACCENT_CLASS = 10
"""Combining classes from here on are accents and vowel points; those below belong to the letter."""

HIDDEN_KEYS = re.compile(r"(review|edit)\b")
"""Questions whose answers are words of the command line, not of a person."""

WRAPPERS = {"prompts"}
"""Keys of replies that hold the prompts and name none."""


def normalized(text: str) -> str:
    """Return the text without case, accents and compatibility forms; names are split at underscores."""
    text = text.replace("_", " ")
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_accents())
    return unicodedata.normalize("NFKC", plain).casefold()


@lru_cache(maxsize=1)
def _accents() -> dict[int, None]:
    """The accents that are left out: a table is much faster than a look at each letter."""
    codes = range(FIRST_ACCENT, LAST_ACCENT)
    return {code: None for code in codes if unicodedata.combining(chr(code)) >= LOWEST_ACCENT_CLASS}


def wanted_words(search: str) -> list[str]:
    """Return the words of a search, each as it would stand in a normalized text."""
    return [normalized(word) for word in search.split()]


def searched_text(events: Iterable[Mapping[str, Any]]) -> str:
    """Return what a person could remember of a run: brief, groups, models and prompts."""
    found = dict.fromkeys(text for event in events for text in _texts_of(event))
    return normalized("\n".join(found))


def idea_of(events: Iterable[Mapping[str, Any]], key: str) -> str:
    """Return the idea that a run was given, under the key of its question."""
    for event in events:
        answers = event.get("answers")
        given = event.get("value") if event.get("key") == key else None
        found = given or (answers.get(key) if isinstance(answers, dict) else None)
        if found:
            return str(found)
    return ""


def _texts_of(event: Mapping[str, Any]) -> Iterator[str]:
    match event.get("kind"):
        case "run_started" | "run_retried":
            answers = event.get("answers")
            yield from _strings([*answers.values()] if isinstance(answers, dict) else None)
        case "question_answered":
            if event.get("by") != "default" and not HIDDEN_KEYS.match(str(event.get("key"))):
                yield from _strings(event.get("value"))
        case "call_replied":
            yield from _strings(event.get("text"))
        case "prompt_edited":
            yield from (str(event.get("prompt")), str(event.get("text")))
        case _:
            pass


def _strings(value: Any) -> Iterator[str]:
    """Yield each text in a value; an object in a text, as LLMs reply, is read as one."""
    match value:
        case str():
            yield from _strings_in(value)
        case list():
            for each in value:
                yield from _strings(each)
        case dict() if "hash" not in value:
            for name, each in value.items():
                if name not in WRAPPERS:
                    yield name
                yield from _strings(each)
        case _:
            pass


def _strings_in(text: str) -> Iterator[str]:
    found: Any = text
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            found = json.loads(text)
    if isinstance(found, str):
        yield found
    else:
        yield from _strings(found)
