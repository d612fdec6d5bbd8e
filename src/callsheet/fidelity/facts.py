"""Draws facts from an idea, and from the fields beside it: what a prompt about it must show.

Only what is certain is `required`: a thing that the vocabulary knows, how many of it, its side, and
lettering. Everything else is a nuance, such as all that other fields say.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from callsheet.fidelity.patterns import lettering, names_course, placements, without_lettering
from callsheet.fidelity.phrases import Phrases, longest
from callsheet.fidelity.vocabulary import Vocabulary, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.fidelity.patterns import Placement
    from callsheet.fidelity.phrases import Noun
    from callsheet.fidelity.vocabulary import Match, Token

FactKind = Literal[
    "thing", "count", "colour", "material", "quality", "side", "lettering", "style", "camera",
    "name", "excluded", "field",
]  # fmt: skip

NOT_ENGLISH = "the idea is not English"
NOTHING_FOUND = "the idea names nothing that can be checked"

_PLACEHOLDER = re.compile(r"__[\w*/-]+?__|<\w+:[^<>]*>")
"""A wildcard or a LoRA: tools replace it, so it names nothing that can be checked."""

_NEGATION = re.compile(r"(?i)\b(?:no|without|nobody|no one|free of|minus|lacking)\b")
_DENYING = frozenset({"no", "not", "never", "without", "nor", "nothing", "nobody", "minus", "less"})
_NOT_ABSOLUTE = frozenset({"else", "other", "longer", "more", "matter"})
_TEXT = frozenset({"text", "letters", "lettering", "words", "writing"})

_MOST_EXCLUDED = 7
"""How many words `no` may exclude."""

_MOST_COUNTED = 12
"""The greatest number that a prompt must repeat; nobody counts more in a picture."""

_LEAST_NAME = 3
"""Letters; a shorter capitalised word is hardly a name."""

_LEAST_LATIN, _LEAST_KNOWN = 0.7, 0.6
"""The share of Latin letters, and of known words beside foreign ones, in an idea in English."""

_NOT_COUNTED = frozenset({"pair", "couple", "both", "double", "twin", "twins", "triple"})
_NO_COUNT_AFTER = frozenset({"about", "around", "aged", "of", "circa", "at"})
_UNITS = ("year", "o'clock", "mm", "pm", "am", "percent", "minute", "second", "hour")
_TURNS = frozenset(
    {"pan", "pans", "panning", "tilt", "track", "tracks", "truck", "camera", "moves"}
)
_BEFORE_SIDE = frozenset(
    {"the", "her", "his", "far", "frame", "upper", "lower", "looking", "facing"}
)
_PAIRED = frozenset(
    {"glasses", "shoe", "boot", "sock", "glove", "hand", "eye", "ear", "leg", "arm"}
)
_OWN_PREPOSITION = frozenset({"with", "of", "in", "from"})
_KINDS: Mapping[str, FactKind] = {
    "colours": "colour",
    "materials": "material",
    "qualities": "quality",
    "styles": "style",
    "camera": "camera",
}


@dataclass(frozen=True)
class IdeaFact:
    """Something that an idea asks for: `words` as a person reads it, `term` as it is looked up.

    `value` is the colour, number or side, `beside` what a place is in relation to; `alternatives`
    are words of which any one shows the thing as well, or is enough of what a field says.
    """

    kind: FactKind
    words: str
    term: str
    value: str = ""
    beside: str = ""
    required: bool = False
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """The facts of an idea in the order in which it names them, or why there are none."""

    found: tuple[IdeaFact, ...] = ()
    reason: str | None = None


if TYPE_CHECKING:
    Placed = Iterator[tuple[int, IdeaFact]]
    """Facts, each with its position in the idea."""


@lru_cache(maxsize=256)
def draw_facts(idea: str, extension: str = "") -> Facts:
    """The facts of an idea in English; `extension` is the text of a workflow's own vocabulary."""
    reader = _Reader(vocabulary(extension), _PLACEHOLDER.sub(" ", idea))
    if not reader.english:
        return Facts(reason=NOT_ENGLISH)
    placed = sorted(reader.facts(), key=lambda each: each[0])
    found = tuple(dict.fromkeys(fact for _, fact in placed))
    return Facts(found) if found else Facts(reason=NOTHING_FOUND)


@lru_cache(maxsize=256)
def draw_field_facts(field: str, text: str, extension: str = "") -> tuple[IdeaFact, ...]:
    """What a field of the brief says beside the idea: a nuance for each part with a known word."""
    reader = _Reader(vocabulary(extension), _PLACEHOLDER.sub(" ", text))
    return tuple(reader.parts(field.replace("_", " "))) if reader.english else ()


class _Reader:
    """Reads one idea, or one field."""

    def __init__(self, words: Vocabulary, idea: str) -> None:
        self._words = words
        self._lettering = [*lettering(idea)]
        self._idea = without_lettering(idea)
        self._tokens = words.read(self._idea)
        self._matches = words.matches(self._tokens)
        self._values = words.values(self._tokens, self._matches)
        self._phrases = Phrases(words, self._tokens, self._matches)
        self._starts = [match.start for match in self._matches]

    @property
    def english(self) -> bool:
        """Whether the words are English as far as they are known at all."""
        letters = [each for each in self._idea if each.isalpha()]
        if sum(each.isascii() for each in letters) < len(letters) * _LEAST_LATIN:
            return False
        known = {at for match in self._matches for at in range(match.start, match.end)}
        grammar, foreign = self._phrases.grammar, self._words.words("foreign_words")
        known |= {at for at, token in enumerate(self._tokens) if token.word in grammar}
        # `Van` and `De` also stand in names.
        strange = [
            at
            for at, token in enumerate(self._tokens)
            if token.word in foreign and (at == 0 or not token.written[0].isupper())
        ]
        return not strange or len(known) > len(self._tokens) * _LEAST_KNOWN

    def facts(self) -> Placed:
        """All facts, each with its position."""
        for each in self._lettering:
            words = f'"{each.text}"'
            yield each.start, IdeaFact("lettering", words, each.text, required=not each.spoken)
        excluded, closed = self._excluded()
        forms = [*self._forms(closed)]
        yield from ((self._tokens[at].start, fact) for at, fact in forms)
        nouns = [*self._phrases.nouns(closed)]
        for noun in nouns:
            yield from self._about(noun)
        taken = {at for n in nouns for at in (*n.modifiers, *range(n.match.start, n.match.end))}
        yield from self._unattached(closed | taken)
        yield from self._names(closed | taken)
        yield from self._places(nouns)
        shown = {noun.match.term for noun in nouns}
        yield from (each for each in excluded if not shown & self._words.narrowed(each[1].term))

    def parts(self, field: str) -> Iterator[IdeaFact]:
        """What a field says between its commas, as far as it can be checked."""
        for _, part in groupby(self._tokens, key=lambda token: token.clause):
            tokens = [*part]
            start, last = tokens[0].start, tokens[-1]
            words = self._idea[start : last.start + len(last.written)]
            content = self._content(tokens)
            denied = any(token.word in _DENYING for token in tokens)
            if not denied and any(self._words.related(word) for word in content):
                yield IdeaFact("field", f"{field}: {words}", words, alternatives=content)

    def _content(self, tokens: list[Token]) -> tuple[str, ...]:
        """The words of a part that mean something by themselves, and its known terms."""
        terms = [match.term for match in self._words.matches(tokens)]
        words = [token.word for token in tokens if len(token.word) >= _LEAST_NAME]
        return tuple(dict.fromkeys(w for w in (*terms, *words) if w not in self._phrases.grammar))

    def _forms(self, closed: set[int]) -> Placed:
        """Styles and camera words; their tokens are closed to everything else."""
        for table in ("styles", "camera"):
            for match in self._matches:
                own = {*range(match.start, match.end)}
                if match.term in self._words.sets(table) and not own & closed:
                    closed |= own
                    yield match.start, IdeaFact(_KINDS[table], match.term, match.term)

    def _excluded(self) -> tuple[list[tuple[int, IdeaFact]], set[int]]:
        """What must not be shown, and the tokens that say so."""
        found: list[tuple[int, IdeaFact]] = []
        closed: set[int] = set()
        starts = {match.start() for match in _NEGATION.finditer(self._idea)}
        for at, token in enumerate(self._tokens):
            if token.start in starts:
                end = self._excluded_end(at)
                closed |= {*range(at, end)}
                found += ((token.start, fact) for fact in self._exclusions(at, end))
        return found, closed

    def _exclusions(self, at: int, end: int) -> Iterator[IdeaFact]:
        span = [token.word for token in self._tokens[at:end]]
        if _NOT_ABSOLUTE.intersection(span):
            return
        if span[0] == "nobody" or span[:2] == ["no", "one"]:
            yield IdeaFact("excluded", "no people", "person")
        if _TEXT.intersection(span):
            yield IdeaFact("excluded", "no text", "text")
        for match in longest([m for m in self._between(at + 1, end) if m.end <= end]):
            if self._words.is_noun(match.term) and self._phrases.is_head(match):
                words = f"no {self._tokens[match.end - 1].word}"
                yield IdeaFact("excluded", words, match.term)

    def _excluded_end(self, at: int) -> int:
        """Where ends what `no` or `without` begins: after its noun, or after those that `or` adds."""
        end, clause = at + 1, self._tokens[at].clause
        last = min(len(self._tokens), at + _MOST_EXCLUDED)
        heads = {m.end for m in self._between(at + 1, last) if self._phrases.is_head(m)}
        while end < last and self._tokens[end].clause == clause:
            end += 1
            joined = end < len(self._tokens) and self._tokens[end].word in ("or", "nor", "and")
            if end in heads and not joined:
                break
        return end

    def _between(self, start: int, end: int) -> list[Match]:
        """The matches that begin at these tokens."""
        return self._matches[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def _about(self, noun: Noun) -> Placed:
        """The thing itself, and what the idea says of it."""
        match = noun.match
        last = self._tokens[match.end - 1]
        named = " ".join(token.word for token in self._tokens[match.start : match.end])
        counted = any((self._number(at) or 0) > 1 for at in noun.modifiers)
        required = noun.certain and (last.plural or not counted)
        others = self._alternatives(noun)
        yield (
            last.start,
            IdeaFact("thing", named, match.term, required=required, alternatives=others),
        )
        for at in noun.modifiers:
            if (fact := self._modifier(at, noun, named)) is not None:
                yield self._tokens[at].start, fact

    def _alternatives(self, noun: Noun) -> tuple[str, ...]:
        """The nouns in a name: a `fishing boat` is a boat, a `market street` a market."""
        match = noun.match
        own = (match.end - 1,) if match.end - match.start > 1 else ()
        unclear = self._words.words("vague") | self._words.sets("colours").keys()
        forms = (form for at in (*noun.modifiers, *own) for form in self._tokens[at].forms)
        return tuple(form for form in forms if self._words.is_noun(form) and form not in unclear)

    def _modifier(self, at: int, noun: Noun, named: str) -> IdeaFact | None:
        """What a word before a noun says of it."""
        term, words = noun.match.term, f"{self._tokens[at].word} {named}"
        if (number := self._number(at)) and number > 1:
            plural = self._tokens[noun.match.end - 1].plural and term not in _PAIRED
            required = noun.certain and plural and number <= _MOST_COUNTED
            return IdeaFact("count", words, term, str(number), required=required)
        if (found := self._phrases.describing(at)) is not None:
            return IdeaFact(_KINDS[found[0]], words, term, found[1])
        return None

    def _number(self, at: int) -> int | None:
        """The number that a token counts with; none where it is an age, a size or a time."""
        following = [token.word for token in self._tokens[at + 1 : at + 2]]
        before = self._tokens[at - 1].word if at else ""
        if self._tokens[at].word in _NOT_COUNTED or before in _NO_COUNT_AFTER:
            return None
        if any(word.startswith(_UNITS) for word in following):
            return None
        return self._values.get(at)

    def _unattached(self, closed: set[int]) -> Placed:
        """Colours, materials and qualities that stand by themselves."""
        for at, token in enumerate(self._tokens):
            if at not in closed and (found := self._phrases.describing(at)) is not None:
                yield token.start, IdeaFact(_KINDS[found[0]], token.word, "", found[1])

    def _names(self, closed: set[int]) -> Placed:
        """Names of places and people: capitalised words that are no sentence's first."""
        for at, token in enumerate(self._tokens):
            first = at == 0 or token.sentence != self._tokens[at - 1].sentence
            known = (
                self._words.terms.intersection(token.forms) or token.word in self._phrases.grammar
            )
            if at in closed or first or known or len(token.word) < _LEAST_NAME:
                continue
            if token.written[0].isupper() and not token.written.isupper():
                yield token.start, IdeaFact("name", token.written, token.word)

    def _places(self, nouns: list[Noun]) -> Placed:
        """Which thing stands left or right in the frame, or left of, above or behind another."""
        course = names_course(self._idea)
        by_clause: dict[int, list[Noun]] = defaultdict(list)
        for noun in nouns:
            by_clause[self._tokens[noun.match.start].clause].append(noun)
        for place in placements(self._idea):
            at = bisect_left(self._tokens, place.start, key=lambda token: token.start)
            of_frame = place.value in ("left", "right")
            if not (course and of_frame):
                near = by_clause[self._tokens[at].clause]
                if (fact := self._place(place, at, near)) is not None:
                    yield place.start, fact

    def _place(self, place: Placement, at: int, near: list[Noun]) -> IdeaFact | None:
        """What is placed at this token, among the things of its clause."""
        ended = bisect_right(near, at, key=lambda noun: noun.match.end)
        begun = bisect_left(near, place.end, key=lambda noun: self._tokens[noun.match.start].start)
        before = near[max(0, ended - 1) : ended]
        after = near[begun : begun + 1]
        of_frame = place.value in ("left", "right")
        if place.of and before and after:
            thing, beside = before[0].match.term, after[0].match.term
            words = f"{thing} {place.words} {beside}"
            return IdeaFact("side", words, thing, place.value, beside, required=of_frame)
        previous = self._tokens[at - 1].word if at else ""
        if not of_frame or previous in _TURNS or not (place.plain or previous in _BEFORE_SIDE):
            return None
        subject = self._subject(near[:1], before, after)
        thing = subject.match.term if subject else ""
        words = f"{thing} on the {place.value}".strip()
        # A hand is a side of a person, not of the picture.
        return IdeaFact("side", words, thing, place.value, required="hand" not in place.words)

    def _subject(self, first: list[Noun], before: list[Noun], after: list[Noun]) -> Noun | None:
        """The thing that stands on a side: before the side is named, or else after it."""
        if not before:
            return after[0] if after else None
        start = before[0].match.start
        inner = {token.word for token in self._tokens[max(start - 3, 0) : start]}
        return first[0] if inner & _OWN_PREPOSITION else before[0]
