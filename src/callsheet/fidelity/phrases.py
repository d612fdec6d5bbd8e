"""Finds the noun phrases of an idea without a tagger: each thing with the words that describe it.

English tells a noun from a verb by its place: `watch` after `the` is a thing, after `boys` it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callsheet.fidelity.vocabulary import Match, Token, Vocabulary

_MOST_MODIFIERS = 5
"""How many words before a noun may describe it."""

_DESCRIBING = ("colours", "materials", "qualities")
_OWN = ("a", "an", "his", "her", "their")
"""What stands before a thing that somebody has; `the camera` is that of the picture."""

_BEFORE_VERBS = ("to", "who", "which", "he", "she", "it", "they", "that")


@dataclass(frozen=True)
class Noun:
    """A thing that an idea names: where it stands, the tokens that describe it, how certain it is."""

    match: Match
    modifiers: tuple[int, ...]
    certain: bool


class Phrases:
    """The noun phrases of one text."""

    def __init__(self, words: Vocabulary, tokens: Sequence[Token], matches: list[Match]) -> None:
        self._words = words
        self._tokens = tokens
        self._named = [match for match in matches if words.is_noun(match.term)]
        self._starts = {match.start: match for match in reversed(self._named)}
        self._values = words.values(tokens, matches)
        self.grammar = words.words("function_words") | words.words("determiners")
        self._indirect = [*self._indirect_tokens()]

    def nouns(self, closed: set[int]) -> Iterator[Noun]:
        """The heads of the noun phrases outside the tokens `closed`."""
        free = [each for each in self._named if not closed & {*range(each.start, each.end)}]
        heads = [
            match
            for match in longest(free)
            if self._is_noun(match) and not self._begins_name(match) and not self._is_part(match)
        ]
        starts = {match.start for match in heads}
        for match in heads:
            if not self._describes_next(match, starts) and not self._is_of_picture(match, closed):
                yield Noun(match, self._modifiers(match, closed), self._is_certain(match))

    def is_head(self, match: Match) -> bool:
        """Whether a known term is a noun that is not just part of a longer name."""
        if not self._words.is_noun(match.term) or not self._is_noun(match):
            return False
        following = self._starts.get(match.end)
        return not (following and self._joins_next(match) and self._is_noun(following))

    def is_noun_at(self, at: int) -> bool:
        """Whether a known noun begins at this token."""
        return at in self._starts

    def describing(self, at: int) -> tuple[str, str] | None:
        """The table and the word of a colour, a material or a quality at this token."""
        for table in _DESCRIBING:
            for form in self._tokens[at].forms:
                if form in self._words.sets(table):
                    return table, form
        return None

    def _near(self, at: int, other: int) -> Token | None:
        """The token at `other`, if it is in the clause of the token at `at`."""
        if not 0 <= other < len(self._tokens):
            return None
        token = self._tokens[other]
        return token if token.clause == self._tokens[at].clause else None

    def _is_noun(self, match: Match) -> bool:
        """Whether a word that may be a verb or an adjective stands here as a noun."""
        if match.end - match.start > 1:
            return True
        token = self._tokens[match.start]
        before, after = self._near(match.start, match.start - 1), self._near(match.start, match.end)
        described = self.describing(match.start)
        if described and described[0] != "qualities" and after and self.is_noun_at(match.end):
            return False
        if before is not None and token.word.endswith("ing") and after is not None:
            # `a bird building a nest`
            return not (self.is_noun_at(match.start - 1) and after.word in self.grammar)
        if before is None or match.term not in self._words.words("also_verbs"):
            return True
        return self._is_noun_after(before, token, after)

    def _is_noun_after(self, before: Token, token: Token, after: Token | None) -> bool:
        """Whether a word that may also be a verb is a noun after the word before it."""
        words = self._words
        determiners = words.words("determiners")
        if before.word in determiners or before.forms[-1] in words.numbers:
            return True
        if before.word in _BEFORE_VERBS:
            return False
        if before.word == "and":
            return after is None or after.word not in determiners
        if before.word in self.grammar:
            return True
        if any(words.is_noun(form) for form in before.forms):
            return not before.plural and not token.plural
        # `the girl in blue drinks juice`: what an object follows is a verb.
        return after is None or after.word in self.grammar or not token.plural

    def _joins_next(self, match: Match) -> bool:
        """Whether a noun may describe the word after it, as `coffee` in `coffee cup` does."""
        last = self._tokens[match.end - 1]
        return self._near(match.start, match.end) is not None and not last.plural

    def _describes_next(self, match: Match, starts: set[int]) -> bool:
        at = match.end
        while at < len(self._tokens) and at not in starts and self.describing(at):
            at += 1
        near = at in starts and self._near(match.start, at) is not None
        return near and self._joins_next(match)

    def _is_of_picture(self, match: Match, closed: set[int]) -> bool:
        """Whether a word speaks of the picture itself, as `camera` after `handheld` does."""
        if match.term == "camera":
            before = self._near(match.start, match.start - 1)
            own = before is not None and (before.word in _OWN or self.describing(match.start - 1))
            return match.start - 1 in closed or not own
        return match.term in self._words.words("ignored")

    def _is_part(self, match: Match) -> bool:
        """Whether a hyphen joins the next word: `wood-fired` names no wood."""
        return match.end < len(self._tokens) and self._tokens[match.end].joined

    def _begins_name(self, match: Match) -> bool:
        """Whether a word is the first of a name, such as `Van Gogh`."""
        after = self._near(match.start, match.end)
        if after is None or not match.start or self._words.terms.intersection(after.forms):
            return False
        return self._tokens[match.start].written.istitle() and after.written.istitle()

    def _modifiers(self, match: Match, closed: set[int]) -> tuple[int, ...]:
        """The words before a noun that belong to it, from left to right."""
        found: list[int] = []
        for at in range(match.start - 1, max(match.start - 1 - _MOST_MODIFIERS, -1), -1):
            after_adjective = bool(found) and not self.is_noun_at(at + 1)
            if at in closed or not self._modifies(at, match, after_adjective=after_adjective):
                break
            found.append(at)
        return tuple(reversed(found))

    def _modifies(self, at: int, match: Match, *, after_adjective: bool) -> bool:
        """Whether a word before a noun belongs to it; a noun does not, before an adjective."""
        token = self._near(match.start, at)
        if token is None or token.word in self.grammar:
            return False
        if self.describing(at) or at in self._values:
            return True
        if self.is_noun_at(at):
            return not after_adjective and not token.plural
        return not token.word.endswith(("s", "ing"))

    def _is_certain(self, match: Match) -> bool:
        """Whether the noun is certainly a thing to show, by its meaning and its place."""
        words = self._words
        if match.term in words.words("vague") or words.kinds.get(match.term, set()) & {
            "time",
            "weather",
        }:
            return False
        return not self._indirect[match.start] and self._ends_phrase(match)

    def _indirect_tokens(self) -> Iterator[bool]:
        """For each token, whether its clause makes it a simile or what a logo or a poster is for."""
        clause, before = -1, ""
        indirect = medium = has_for = False
        for token in self._tokens:
            if token.clause != clause:
                clause, before = token.clause, ""
                indirect = medium = has_for = False
            yield indirect
            word = token.word
            indirect |= word == "as" or (word == "like" and not before.endswith("'d"))
            indirect |= word == "for" and medium and not has_for
            has_for |= word == "for"
            medium |= word in self._words.words("mediums")
            before = word

    def _ends_phrase(self, match: Match) -> bool:
        """Whether the word after a noun cannot be a noun that it only describes."""
        after = self._near(match.start, match.end)
        if after is None or self._tokens[match.end - 1].plural or after.word in self.grammar:
            return True
        return after.word.endswith(("s", "ing", "ed", "ly")) or bool(self.describing(match.end))


def longest(matches: Sequence[Match]) -> list[Match]:
    """The matches that no other one covers, from left to right."""
    found: list[Match] = []
    for match in sorted(matches, key=lambda each: (each.start, -each.end)):
        if not found or match.start >= found[-1].end:
            found.append(match)
    return found
