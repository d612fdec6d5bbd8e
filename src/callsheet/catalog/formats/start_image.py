"""Compares a motion prompt with its start image: it repeats little of it and contradicts nothing.

The picture's prompt is compared under the name `picture`; where there is none, the idea alone can
be contradicted. Only what a text says outright is compared: a lamp that one of them does not place
stands nowhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import LONGEST, Rule, shown
from callsheet.catalog.formats.opposites import Statements, statements_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from callsheet.catalog.formats.format import Fault, Others

PICTURE, IDEA = "picture", "idea"

MOST_REPEATED = 2 / 3
"""The share of its content words that a motion may have in common with its picture."""

LEAST_WORDS = 10
"""Content words; a shorter motion can hardly name what moves without the picture's nouns."""

LONGEST_COPY = 8
"""Words on end; as many are no coincidence."""

ECHO = Rule(
    "echo",
    "What moves, not the picture again: at most two thirds of the content words, and no run of"
    f" {LONGEST_COPY} words, are those of the picture's prompt.",
    "Wan2.2 wan/utils/system_prompt.py and HunyuanVideo-1.5 handbook; the bounds are ours",
    "2026-11-22",
    "A",
    of="form",
)
OPPOSITE = Rule(
    "opposite",
    "Nothing that the picture, or else the idea, shows the other way round: left and right, in and"
    " out, up and down, open and closed, day and night.",
    date="2026-11-23",
    of="idea",
)
RULES = (ECHO, OPPOSITE)

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NO_CONTENT = frozenset(
    """a all an and any are as at be been both but by can do does each else even every few for from
    had has have her his if in into is it its itself just like more most much no none nor not of off
    on once one only or other our out over own same she so some such than that the their them then
    there these they this those through to too towards toward two under until up upon very was what
    when where which while who with within without yet you""".split()  # noqa: SIM905  # words read better as words
)
_PARAMETERS = re.compile(r"\s--[a-z].*", re.DOTALL)
_ENDING = re.compile(r"(?:'s|\u2019s|ing|ed|es|s|y|e)$")


def compare_with_still(text: str, others: Others) -> Iterator[Fault]:
    """Repetitions and contradictions of the start image's prompt, and contradictions of the idea."""
    picture, idea = _text(others.get(PICTURE)), _text(others.get(IDEA))
    motion = _PARAMETERS.sub("", text)
    if picture:
        yield from _echoes(motion, picture)
    yield from _opposites(motion, picture or idea, PICTURE if picture else IDEA)


def _text(value: JsonValue) -> str:
    """The text of a prompt, without its negative fields."""
    if isinstance(value, dict):
        return ". ".join(_text(part) for name, part in value.items() if "negative" not in name)
    return _PARAMETERS.sub("", value[:LONGEST]) if isinstance(value, str) else ""


def _echoes(motion: str, picture: str) -> Iterator[Fault]:
    motion_words, image_words = _content(motion), _content(picture)
    repeated = [word for stem, word in motion_words.items() if stem in image_words]
    if len(motion_words) >= LEAST_WORDS and len(repeated) > MOST_REPEATED * len(motion_words):
        some = ", ".join(repeated[:8])
        yield (
            "echo",
            f"repeats the picture in {len(repeated)} of {len(motion_words)} content words ({some}, …);"
            " say only what moves, and how",
        )
    elif copy := _copied(motion, picture):
        yield (
            "echo",
            f"copies the picture's prompt ({shown(copy, 60)}); say only what moves, and how",
        )


def _content(text: str) -> dict[str, str]:
    """The content words of a text by their stems."""
    found: dict[str, str] = {}
    for word in _words(text):
        if word not in _NO_CONTENT:
            found.setdefault(_stem(word), word)
    return found


def _stem(word: str) -> str:
    bare = _ENDING.sub("", word)
    return bare if len(bare) > 2 else word  # noqa: PLR2004  # shorter stems tell nothing apart


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _copied(motion: str, picture: str) -> str:
    """The first long sequence of words that both texts contain, or an empty text."""
    theirs = {*_runs(_words(picture))}
    return next((run for run in _runs(_words(motion)) if run in theirs), "")


def _runs(words: list[str]) -> Iterator[str]:
    for start in range(len(words) - LONGEST_COPY + 1):
        yield " ".join(words[start : start + LONGEST_COPY])


def _opposites(motion: str, scene: str, name: str) -> Iterator[Fault]:
    """Statements of the motion that contradict those of the scene."""
    theirs = statements_in(scene)
    for about, said in statements_in(motion).items():
        there = theirs.get(about, {})
        if len(said) == 1 and len(there) == 1 and set(said) != set(there):
            yield "opposite", _contradiction(said, there, name)


def _contradiction(said: Statements, there: Statements, name: str) -> str:
    ours, theirs = next(iter(said.values())), next(iter(there.values()))
    return f"says {shown(ours)} where the {name} has {shown(theirs)}; keep to the {name}"
