"""Judges whether a text is a prompt at all, before any rule of its form.

A text that is not counts as missing: it is requested again, and the run fails if it stays so.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

Path = tuple[str, ...]

Unusable = tuple[Path, str, str]
"""Where a text stands, the rule that it breaks, and what is wrong with it."""

DIFFERS = "x-differs-from"
"""Beside a text's schema: the prompts, as `MODEL` or `MODEL.field`, that must be other texts."""

LEAST_WORDS = 5
SHORTEST_SENTENCE, LONGEST_COPY = 6, 12
"""Words: from how many a sentence may be a copy, and from how many any run of words is one."""

MOST_REFERENCES = 5

TIMES = 3
"""How often a phrase must stand in a text to count as repeated."""

_WORD = re.compile(r"[^\W\u0e00-\U0003ffff]+|[\u0e00-\U0003ffff]")
"""A word; or one letter of the scripts that put no spaces between words."""
_SENTENCE = re.compile(r"[.!?;:\n\u3002\uff01\uff1f]+")
_PHRASE = re.compile(r"[,.!?;:\n\u3001\u3002\uff0c\uff01\uff1f]+")
_NUMBERED = re.compile(r"^\s*\d+[.)]?\s+")
_LETTERING = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _own_text(text: str) -> str:
    """A prompt without its parameters."""
    return re.split(r"(?:^|\s)--(?=[A-Za-z])", text, maxsplit=1)[0]


@lru_cache(maxsize=64)
def _line(text: str) -> str:
    """The words of a text in one line; the same instructions are sent for many ideas."""
    return f" {' '.join(_words(text))} "


@dataclass(frozen=True)
class SentText:
    """What the LLM was sent: the instructions, and the message that it may repeat."""

    instructions: str = ""
    message: str = ""

    def _holds(self, words: list[str]) -> bool:
        run = f" {' '.join(words)} "
        return run in _line(self.instructions) and run not in _line(self.message)

    def copied(self, text: str) -> str:
        """A part of a text that is copied, where most of the text is; otherwise nothing."""
        if not self.instructions or not (words := _words(text)):
            return ""
        copies = [
            sentence.strip()
            for sentence in _SENTENCE.split(text)
            if len(own := _words(sentence)) >= SHORTEST_SENTENCE and self._holds(own)
        ]
        inside = set[int]()
        for start in self._starts_of_copies(words):
            inside.update(range(start, start + LONGEST_COPY))
        if 2 * max(len(inside), sum(len(_words(copy)) for copy in copies)) <= len(words):
            return ""
        return copies[0] if copies else text

    def _starts_of_copies(self, words: list[str]) -> Iterator[int]:
        """Where runs of `LONGEST_COPY` words begin that are copied."""
        instructions, half = _line(self.instructions), LONGEST_COPY // 2
        # Every such run holds one of these halves: few of them stand in the instructions.
        for near in range(0, len(words) - half + 1, half):
            if f" {' '.join(words[near : near + half])} " in instructions:
                first, last = max(near - half, 0), min(near, len(words) - LONGEST_COPY)
                for start in range(first, last + 1):
                    if self._holds(words[start : start + LONGEST_COPY]):
                        yield start


NOTHING_SENT = SentText()


@dataclass(frozen=True)
class _Place:
    """A text of a prompt and its schema; `excepted` where little or nothing is needed."""

    path: Path
    node: Mapping[str, JsonValue]
    text: str
    excepted: bool

    def least(self, keyword: str) -> int:
        found = self.node.get(keyword)
        return found if isinstance(found, int) else 0


def unusable_texts(
    reply: JsonValue, schema: Mapping[str, JsonValue], source: SentText = NOTHING_SENT
) -> Iterator[Unusable]:
    """The texts of a reply that are no prompts, each with the first reason that holds."""
    places = [*_places(_child(reply, "prompts"), _child(schema, "properties", "prompts"), schema)]
    texts = {".".join(place.path[1:]): place.text for place in places}
    for place in places:
        for rule, message in _reasons(place, texts, source):
            yield place.path, rule, message
            break


def _child(node: object, *names: str) -> JsonValue:
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node  # type: ignore[return-value]  # a part of a JSON value


def _places(
    value: JsonValue, node: JsonValue, root: Mapping[str, JsonValue], path: Path = ("prompts",)
) -> Iterator[_Place]:
    """The texts in a value that its schema does not limit to a choice."""
    properties, required = _child(node, "properties"), _child(node, "required")
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return
    for name, child in properties.items():
        inner, text = _resolved(child, root), value.get(name)
        if isinstance(text, str) and isinstance(inner, dict) and _is_text(inner):
            is_negative = "negative" in str(inner.get("format"))
            optional = not isinstance(required, list) or name not in required
            # A model of its own is never optional.
            excepted = len(path) > 1 and (optional or is_negative)
            yield _Place((*path, name), inner, text, excepted)
        else:
            yield from _places(text, inner, root, (*path, name))


def _resolved(node: JsonValue, root: Mapping[str, JsonValue]) -> JsonValue:
    """The schema that a `$ref` to a definition leads to."""
    for _ in range(MOST_REFERENCES):
        if not (reference := str(_child(node, "$ref") or "")):
            break
        node = _child(dict(root), "$defs", reference.removeprefix("#/$defs/"))
    return node


def _is_text(node: Mapping[str, JsonValue]) -> bool:
    """Whether a schema asks for any text."""
    kind = node.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return "string" in kinds and not node.keys() & {"enum", "const"}


def _reasons(
    place: _Place, texts: Mapping[str, str], source: SentText
) -> Iterator[tuple[str, str]]:
    text = _own_text(place.text)
    words = _words(text)
    if not place.excepted:
        if 2 * len(place.text) < (least := place.least("minLength")):
            count = f"{len(place.text):,} characters"
            yield "minLength", f"has {count}; at least {least:,} are needed"
        if len(words) < LEAST_WORDS and _may_hold_words(place):
            yield "words", f"is no prompt: {shown(text)}; at least {LEAST_WORDS} words are needed"
    if phrase := _repeated(text):
        yield "repetition", f"says {shown(phrase)} over and over"
    if "negative" not in str(place.node.get("format")) and (copy := source.copied(text)):
        yield "copied", f"is copied from the instructions: {shown(copy)}; write this idea's own"
    differs = place.node.get(DIFFERS)
    for other in differs if isinstance(differs, list) else ():
        if other in texts and words and _words(_own_text(texts[str(other)])) == words:
            yield "same text", f"is the same text as {other}; it needs one in its own form"


def _may_hold_words(place: _Place) -> bool:
    """Whether a text may be long enough for so many words."""
    return not 0 < place.least("maxLength") < LEAST_WORDS * 6


@lru_cache(maxsize=512)
def _repeated(text: str) -> str:
    """The phrase that fills more than half of a text by being repeated; otherwise nothing."""
    bare = _LETTERING.sub(" ", text)
    parts = (_NUMBERED.sub("", part) for part in _PHRASE.split(bare))
    phrases = Counter(" ".join(_words(part)) for part in parts)
    counts = {phrase: len(phrase.split()) * times for phrase, times in phrases.items()}
    repeated = {phrase for phrase, times in phrases.items() if phrase and times >= TIMES}
    if 2 * sum(counts[phrase] for phrase in repeated) > sum(counts.values()):
        return max(repeated, key=counts.__getitem__)
    words = _words(bare)
    if len(words) >= 2 * LEAST_WORDS and LEAST_WORDS * len(set(words)) <= len(words):
        return " ".join(dict.fromkeys(words))
    return ""
