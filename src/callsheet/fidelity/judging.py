"""Judges a text by the facts of an idea: which are lost, how certainly, and how many are kept."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, ClassVar

from callsheet.fidelity.patterns import OPPOSITES, placements
from callsheet.fidelity.phrases import longest
from callsheet.fidelity.vocabulary import Vocabulary, stem_of, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from callsheet.fidelity.facts import Facts, IdeaFact
    from callsheet.fidelity.vocabulary import Match

LEAST_FACTS = 3
"""From how many facts on a text that keeps none of them is about something else."""

MOST_LOST = 0.4
"""The share of facts from which on no loss counts as a mere paraphrase."""

LEAST_THINGS = 3
"""From how many things on a motion that names none of its still is about something else."""

_BESIDE = ("excluded", "field")
"""The kinds of fact that do not tell what an idea is about."""

_TWO = 2
_TOGETHER = frozenset(
    {
        "both",
        "pair",
        "other",
        "another",
        "duo",
        "twins",
        "twin",
        "either",
        "each",
        "together",
        "between",
    }
)
"""Words that speak of two."""

_MOST_BESIDE = 8
"""How many words directly before a thing may describe it."""

_SINGLE = frozenset({"a", "an", "one", "another", "first", "second", "third", "fourth", "the"})
_ABOVE = frozenset({"on", "upon", "over", "overhead", "atop", "high", "sky", "perched", "resting"})
"""Words that put one thing above another without saying so outright."""

_MOVES = re.compile(
    r"\b(?:pan|panning|dolly|push|pull|zoom|track|tracking|handheld|hand held|orbit|tilt|static|locked|fixed"
    r"|take|crane|drone|aerial|motion|lapse)\b"
)
"""Words of how a camera moves; any other says how a still is framed."""

_LETTERING = re.compile(
    r"(?i)\b(?:reads?|reading|says|saying|titled|captioned|text|words)\W{0,3}[\"\u201c]\w"
)


@dataclass(frozen=True)
class Lost:
    """A fact that a text does not keep; `certain` where it lacks a required one, or contradicts it."""

    fact: IdeaFact
    message: str
    certain: bool
    contradicts: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of the facts of an idea in one text."""

    of: int
    lost: tuple[Lost, ...]
    unusable: bool = False

    @property
    def kept(self) -> int:
        return self.of - len(self.lost)


@lru_cache(maxsize=512)
def judge(facts: Facts, text: str, extension: str = "") -> Verdict:
    """Judges a text by the facts of an idea."""
    passage = _passage(text, extension)
    lost = tuple(found for fact in facts.found if (found := passage.lost(fact, facts)) is not None)
    checkable = [fact for fact in facts.found if fact.kind not in _BESIDE]
    missing = [found for found in lost if found.fact.kind not in _BESIDE]
    unusable = len(checkable) >= LEAST_FACTS and len(missing) == len(checkable)
    if len(checkable) >= LEAST_FACTS and len(missing) > len(checkable) * MOST_LOST:
        # A paraphrase loses a word or two; where so much is gone, a thing that is lost is not there.
        lost = tuple(
            replace(found, certain=found.certain or found.fact.kind == "thing") for found in lost
        )
    return Verdict(len(facts.found), lost, unusable)


def judge_motion(facts: Facts, text: str, picture: str, extension: str = "") -> Verdict:
    """Judges a motion prompt made for a still: what the still shows, the motion need not repeat.

    What the still lacks, a motion cannot add. It must keep how the camera moves, contradict nothing,
    and be about the same things.
    """
    alone = judge(facts, text, extension)
    motion, still = _passage(text, extension), _passage(picture, extension)
    demanded = [
        lost
        for lost in alone.lost
        if lost.contradicts
        or lost.fact.kind == "excluded"
        or (lost.fact.kind == "camera" and _MOVES.search(lost.fact.term))
    ]
    things = motion.things()
    strange = len(things) >= LEAST_THINGS and not any(still.shows(term) for term in things)
    strange = strange and not any(motion.keeps(fact, facts) for fact in facts.found)
    return Verdict(len(facts.found), tuple(demanded), unusable=strange)


@lru_cache(maxsize=512)
def _passage(text: str, extension: str) -> _Passage:
    return _Passage(text, vocabulary(extension))


class _Passage:
    """A text that is judged, read once."""

    def __init__(self, text: str, words: Vocabulary) -> None:
        self._words = words
        self._text = text
        self._tokens = words.read(text)
        self._matches = words.matches(self._tokens)
        self._terms = frozenset(match.term for match in self._matches) | {
            form for token in self._tokens for form in token.forms
        }
        self._values = words.values(self._tokens, self._matches)
        self._places = [*placements(text)]
        self._letters = _letters(text)

    def lost(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        """What is wrong with a fact in this text, if anything."""
        return self._judges[fact.kind](self, fact, facts)

    def shows(self, term: str) -> bool:
        """Whether the text names a thing, by whatever of its names."""
        return not self._terms.isdisjoint(self._words.accepted(term))

    def keeps(self, fact: IdeaFact, facts: Facts) -> bool:
        """Whether the text shows a thing of the idea."""
        return fact.kind == "thing" and self.lost(fact, facts) is None

    def things(self) -> set[str]:
        """The things of one meaning that the text names."""
        words = self._words
        unclear = words.words("vague") | words.words("also_verbs")
        named = {match.term for match in longest(self._matches) if words.is_noun(match.term)}
        return {
            term
            for term in named
            if term not in unclear
            and term.removesuffix("s") not in unclear
            and not words.kinds.get(term, set()) & {"time", "weather"}
        }

    def _thing(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        if self.shows(fact.term) or any(self.shows(each) for each in fact.alternatives):
            return None
        if self._has_stem(fact.term):
            return None
        others = frozenset[str]().union(
            *(
                self._words.accepted(each.term)
                for each in facts.found
                if each.kind == "thing" and each != fact
            )
        )
        instead = self._terms & self._words.siblings(fact.term) - others
        return Lost(fact, f"does not show {fact.words}", fact.required and not instead)

    def _has_stem(self, term: str) -> bool:
        return {stem_of(word) for word in term.split()} <= self._stems

    @cached_property
    def _stems(self) -> set[str]:
        return {stem_of(token.word) for token in self._tokens}

    def _count(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        if not self.shows(fact.term) and not self._has_stem(fact.term):
            return Lost(fact, f"does not show {fact.words}", certain=False)
        wanted = int(fact.value)
        values = {*self._values.values()}
        counted = {
            at for match in self._own(fact.term) if (at := self._number_of(match)) is not None
        }
        attached = [self._values[at] for at in sorted(counted)]
        if wanted in attached:
            return None
        wrong = [value for value in attached if value > 1]
        if wrong and not (wanted in values and len(attached) > len(wrong)):
            if sum(attached) == wanted:
                return None
            message = f"shows {wrong[0]}, not {fact.words}"
            return Lost(fact, message, fact.required, contradicts=True)
        if wanted in values or self._enumerated(fact.term, wanted):
            return None
        return Lost(fact, f"does not say that there are {fact.words}", fact.required)

    def _own(self, term: str) -> Iterator[Match]:
        """The mentions of a thing by its own or a narrower name."""
        narrowed = self._words.narrowed(term)
        return (match for match in self._matches if match.term in narrowed)

    def _number_of(self, match: Match) -> int | None:
        """Where the number is that stands before a noun, with nothing but its description between."""
        stops = self._words.words("function_words") | self._words.words("determiners")
        for at in range(match.start - 1, max(match.start - 5, -1), -1):
            if self._tokens[at].clause != self._tokens[match.start].clause:
                return None
            if at in self._values:
                return at
            if self._tokens[at].word in stops and self._tokens[at].word != "of":
                return None
        return None

    def _enumerated(self, term: str, wanted: int) -> bool:
        """Whether things are shown one by one, or as a pair."""
        if wanted == _TWO and any(token.word in _TOGETHER for token in self._tokens):
            return True
        ones = 0
        for match in self._own(term):
            before = self._tokens[max(match.start - 3, 0) : match.start]
            ones += any(token.word in _SINGLE for token in before)
        return ones >= wanted

    def _described(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        table = {"colour": "colours", "material": "materials", "quality": "qualities"}[fact.kind]
        wanted = self._words.sets(table)[fact.value]
        beside = self._beside(fact.term, table) if fact.term else set()
        if beside & wanted:
            return None
        here = bool(self._terms & wanted) or self._has_stem(fact.value)
        if fact.kind == "colour" and beside:
            other = min(beside)
            message = f"has another colour ({other}) than {fact.words}"
            return Lost(fact, message, not here, contradicts=not here)
        return None if here else Lost(fact, f"does not say {fact.words}", certain=False)

    def _beside(self, term: str, table: str) -> set[str]:
        """The words of a table that stand directly before a thing."""
        found: set[str] = set()
        known = self._words.sets(table)
        for match in self._own(term):
            first = max(0, match.start - _MOST_BESIDE)
            for at in range(match.start - 1, first - 1, -1):
                if self._tokens[at].clause != self._tokens[match.start].clause:
                    break
                own = {form for form in self._tokens[at].forms if form in known}
                if not own:
                    break
                found |= own
        return found

    def _side(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        lost = Lost(fact, f"does not have {fact.words}", fact.required)
        said = [*self._placed(facts)]
        if fact.beside:
            for term, value, beside in said:
                if {term, beside} == {fact.term, fact.beside} and value in (
                    fact.value,
                    OPPOSITES[fact.value],
                ):
                    same = (term == fact.term) == (value == fact.value)
                    return None if same else replace(lost, certain=True, contradicts=True)
        values = {place.value for place in self._places}
        alone = {value for term, value, beside in said if term == fact.term and not beside}
        if fact.beside and not values & {fact.value, OPPOSITES[fact.value]}:
            near = fact.value == "above" and self._terms & _ABOVE
            return None if near else lost
        if not fact.beside and (fact.value not in values or alone == {OPPOSITES[fact.value]}):
            return lost
        return None

    def _placed(self, facts: Facts) -> Iterator[tuple[str, str, str]]:
        """What the text says of places: a thing, where it is, and in relation to what."""
        sides = [fact for fact in facts.found if fact.kind == "side"]
        things = {term for fact in sides for term in (fact.term, fact.beside) if term}
        named: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for term in things:
            for match in self._own(term):
                token = self._tokens[match.start]
                named[token.clause].append((token.start, term))
        for each in named.values():
            each.sort()
        counts = {clause: Counter(term for _, term in near) for clause, near in named.items()}
        for place in self._places:
            at = bisect_left(self._tokens, place.start, key=lambda token: token.start)
            clause = self._tokens[at].clause
            near = named.get(clause, [])
            ended, begun = (bisect_left(near, (at,)) for at in (place.start, place.end))
            before, after = near[max(0, ended - 1) : ended], near[begun : begun + 1]
            if place.of and before and after:
                yield before[0][1], place.value, after[0][1]
            elif not place.of and (before or after):
                inside = Counter(term for _, term in near[ended:begun])
                others = sum(1 for term, n in counts[clause].items() if n > inside[term])
                if others == 1:
                    yield (before or after)[0][1], place.value, ""

    def _lettering(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        if _letters(fact.term) in self._letters:
            return None
        return Lost(fact, f"lacks the lettering {fact.words}", fact.required)

    def _style(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        table = "styles" if fact.kind == "style" else "camera"
        if self._terms & self._words.sets(table)[fact.term] or self._has_stem(fact.term):
            return None
        return Lost(fact, f"does not say {fact.words}", certain=False)

    def _field(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        for word in fact.alternatives:
            near = {word, *self._words.related(word)}
            if near & self._terms or {stem_of(each) for each in near} & self._stems:
                return None
        return Lost(fact, f"does not say {fact.words}", certain=False)

    def _name(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        start = fact.term[: max(4, len(fact.term) * 2 // 3)]
        if any(token.word.startswith(start) for token in self._tokens):
            return None
        return Lost(fact, f"does not name {fact.words}", certain=False)

    def _excluded(self, fact: IdeaFact, facts: Facts) -> Lost | None:
        del facts
        if fact.term == "text":
            shown = "lettering" if _LETTERING.search(self._text) else ""
        else:
            shown = self._affirmed(fact.term)
        return (
            Lost(fact, f"shows {shown}; the idea says {fact.words}", certain=True)
            if shown
            else None
        )

    def _affirmed(self, term: str) -> str:
        """The word for what must not be shown, unless its sentence may deny it."""
        unwanted = self._words.sets("excluded").get(term, frozenset({term}))
        hedges = self._words.words("hedges")
        hedged = {token.sentence for token in self._tokens if token.word in hedges}
        for match in longest(self._matches):
            if match.term in unwanted and self._tokens[match.start].sentence not in hedged:
                return match.term
        return ""

    # A table of bound methods would make each passage a cycle, which is not freed when the cache drops it.
    _judges: ClassVar[Mapping[str, Callable[[_Passage, IdeaFact, Facts], Lost | None]]] = {
        "thing": _thing,
        "count": _count,
        "colour": _described,
        "material": _described,
        "quality": _described,
        "side": _side,
        "lettering": _lettering,
        "style": _style,
        "camera": _style,
        "name": _name,
        "excluded": _excluded,
        "field": _field,
    }


def _letters(text: str) -> str:
    """Letters and digits alone, for comparing lettering."""
    return "".join(each for each in text.casefold() if each.isalnum())
