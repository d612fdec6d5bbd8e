"""The texts in which a search looks: of any script, without case and accents.

Of each event that has words which a person could remember, the text is stored beside it, in the same
transaction; an event never changes, so neither does its text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from callsheet.store.database import Database, Transaction

SEARCHED_KINDS = (
    "run_started",
    "run_retried",
    "question_answered",
    "call_replied",
    "prompt_edited",
)
"""The kinds of events that hold words which a person could remember."""

EARLIER = 1_000
"""Events of an older layout that are read at once."""

LOWEST_ACCENT_CLASS = 10
"""Combining classes from here on are accents and vowel points; those below belong to the letter."""

HIDDEN_KEYS = re.compile(r"(review|edit)\b")
"""Questions whose answers are words of the command line, not of a person."""

WRAPPERS = {"prompts"}
"""Keys of replies that hold the prompts and name none."""


async def add_texts(do: Transaction, events: Iterable[Mapping[str, Any]]) -> None:
    """Stores what a search looks in, of events that are being stored."""
    rows = [
        {"run": each["run"], "seq": each["seq"], "text": text}
        for each in events
        if (text := event_text(each["kind"], each["body"]))
    ]
    if rows:
        await do.each("insert_text", rows)


async def add_earlier_texts(do: Transaction) -> None:
    """Stores the same for all events of a layout that did not have texts."""
    run, seq = "", 0
    while found := await do("select_texts_to_add", run=run, seq=seq, limit=EARLIER):
        await add_texts(
            do,
            (
                {"run": run, "seq": seq, "kind": kind, "body": body}
                for run, seq, kind, body in found
            ),
        )
        run, seq = found[-1][:2]


async def runs_with(database: Database, word: str, prefix: str) -> set[str]:
    """The names of the runs in which a normalized word stands, of those whose names have a prefix."""
    rows = await database.read("select_runs_with", word=word, prefix=prefix)
    return {run for (run,) in rows}


def normalized(text: str) -> str:
    """Return the text without case, accents and compatibility forms; names are split at underscores.

    What a database cannot store as text is replaced.
    """
    text = text.replace("_", " ").replace("\0", " ")
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    # A text has few different characters: looking at each of those is much faster than at each place.
    for char in set(plain):
        if unicodedata.combining(char) >= LOWEST_ACCENT_CLASS:
            plain = plain.replace(char, "")
    plain = unicodedata.normalize("NFKC", plain).casefold()
    return plain.encode("utf-8", "replace").decode()


def has_words(run: str, having: Mapping[str, Container[str]], beside: str) -> bool:
    """Whether each word is one of those that the run has, or stands in the text beside its events."""
    missing = [word for word, runs in having.items() if run not in runs]
    text = normalized(beside) if missing else ""
    return all(word in text for word in missing)


def wanted_words(search: str) -> list[str]:
    """Return the words of a search, each as it would stand in a normalized text."""
    return [normalized(word) for word in search.split()]


def event_text(kind: str, body: str) -> str:
    """Return the normalized text of an event that is stored as JSON; empty where there is none."""
    if kind not in SEARCHED_KINDS:
        return ""
    try:
        event = json.loads(body)
        found = dict.fromkeys(_texts_of(event)) if isinstance(event, dict) else ()
    except (ValueError, RecursionError):
        # A damaged event must not hide the others, nor a reply of a thousand brackets end its run.
        return ""
    return normalized("\n".join(found))


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
        with suppress(ValueError, RecursionError):
            found = json.loads(text)
    if isinstance(found, str):
        yield found
    else:
        yield from _strings(found)
