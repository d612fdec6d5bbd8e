"""The English words that facts are made of: kinds, synonyms, colours, numbers. Data of a JSON file.

A workflow may extend it with a file of the same form. Words are compared in lower case, with
hyphens as spaces and plurals as singulars.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MOST_WORDS = 4
"""The most words of one term."""

_MOST_DIGITS = 2
"""Of a number that counts; a longer one is a year or a size."""

_TOKEN = re.compile(r"\d{1,2}(?=[A-Za-z]{3})|[^\W_]+(?:['\u2019][^\W_]+)*|&")
_CLAUSE_END = re.compile(r"[,.;:!?()\[\]\n\u2013\u2014|]| - |--")
_SENTENCE_END = re.compile(r"[.;:!?\n]|--")


@dataclass(frozen=True)
class Token:
    """A word of a text: in lower case, its forms, where it stands, and if a hyphen joins it."""

    word: str
    forms: tuple[str, ...]
    start: int
    clause: int
    sentence: int
    written: str
    joined: bool

    @property
    def plural(self) -> bool:
        """Whether a known noun was found by taking off its ending."""
        return len(self.forms) > 1 and not self.word.endswith("'s")


@dataclass(frozen=True)
class Match:
    """A known term in a text, from one token up to another."""

    term: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    from Stemmer import Stemmer

    stem: Callable[[str], str] = Stemmer("english").stemWord
    return stem


def stem_of(word: str) -> str:
    """The stem of a word, by which its forms are one."""
    return _stemmer()(word)


def _normal(term: str) -> str:
    if term.islower() and term.replace(" ", "").isalpha():
        return term
    return " ".join(match[0].lower().replace("\u2019", "'") for match in _TOKEN.finditer(term))


class Vocabulary:
    """The tables of one JSON file, or of several joined, prepared for look-ups."""

    def __init__(self, tables: Sequence[Mapping[str, Any]]) -> None:
        self._tables = tables
        self.entries: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self.narrower: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self.kinds: dict[str, set[str]] = defaultdict(set)
        for heading, written in self._pairs("kinds"):
            key, *others = names = tuple(_normal(name) for name in heading.split("/"))
            if others:
                for name in names:
                    self.entries[name].append(names)
            for each in written:
                entry = tuple(_normal(name) for name in each.split("/"))
                self.narrower[key].append(entry)
                for name in entry:
                    self.entries[name].append(entry)
                    self.kinds[name].add(key)
        self.irregular = dict(self._pairs("irregular"))
        self.numbers = {_normal(word): int(value) for word, value in self._pairs("numbers")}
        self.accepted = lru_cache(maxsize=4_096)(self._accepted)
        self.siblings = lru_cache(maxsize=4_096)(self._siblings)
        self.forms = lru_cache(maxsize=16_384)(self._forms)

    def _pairs(self, table: str) -> Iterator[tuple[str, Any]]:
        for each in self._tables:
            yield from each.get(table, {}).items()

    def words(self, table: str) -> frozenset[str]:
        """The words of a table that is a list."""
        return self._lists[table]

    @cached_property
    def _lists(self) -> Mapping[str, frozenset[str]]:
        names = ("headings", "loose", "vague", "ignored", "mediums", "also_verbs", "hedges")
        return {
            name: frozenset(_normal(word) for each in self._tables for word in each.get(name, ()))
            for name in (*names, "determiners", "function_words", "foreign_words")
        }

    def sets(self, table: str) -> Mapping[str, frozenset[str]]:
        """For each word that a person may ask for, the words that give it."""
        return self._sets[table]

    @cached_property
    def _sets(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        found: dict[str, dict[str, frozenset[str]]] = {}
        for table in ("colours", "materials", "shown_by", "excluded"):
            found[table] = {
                _normal(word): frozenset({_normal(word), *map(_normal, others)})
                for word, others in self._pairs(table)
            }
        for table in ("qualities", "styles", "camera"):
            rows = [row for each in self._tables for row in each.get(table, ())]
            found[table] = {}
            for first, *others in rows:
                names = [_normal(name) for name in first.split("/")]
                given = frozenset(names).union(map(_normal, others))
                for name in names:
                    found[table][name] = found[table].get(name, frozenset()) | given
        return found

    @cached_property
    def _related(self) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
        """By the stem of a word, the rows that begin with it, and those in which it follows."""
        heads, others = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for names, given in self._nuances():
            for name in names:
                heads[stem_of(name)].update(names, given)
            for name in given:
                others[stem_of(name)].update(names, given)
        return heads, others

    def _nuances(self) -> Iterator[tuple[list[str], list[str]]]:
        """The rows about mood, style and look: the names that each begins with, and what follows."""
        for table in ("moods", "qualities", "styles", "camera", "colours", "materials"):
            for each in self._tables:
                rows = each.get(table, ())
                pairs = rows.items() if isinstance(rows, dict) else ((r[0], r[1:]) for r in rows)
                for first, given in pairs:
                    yield [*map(_normal, first.split("/"))], [*map(_normal, given)]

    def related(self, word: str) -> set[str]:
        """The words that say the same or nearly so; empty for a word that is not known."""
        heads, others = self._related
        stem = stem_of(word)
        found = heads.get(stem) or others.get(stem) or set()
        return found | self.accepted(word) if self.is_noun(word) else found

    def is_noun(self, term: str) -> bool:
        return term in self.entries or term in self.narrower

    @cached_property
    def terms(self) -> frozenset[str]:
        """Every known term, of whatever table."""
        sets = {word for table in self._sets.values() for key in table for word in table[key]}
        nouns = {name for entries in self.narrower.values() for entry in entries for name in entry}
        return frozenset({*sets, *nouns, *self.narrower, *self.numbers})

    @cached_property
    def _longest(self) -> Mapping[str, int]:
        longest: dict[str, int] = {}
        for term in self.terms:
            first, *others = term.split()
            longest[first] = max(longest.get(first, 1), 1 + len(others))
        return longest

    def _forms(self, word: str) -> tuple[str, ...]:
        """The word, and its singular where that is known."""
        if word.endswith("'s"):
            return (word, *self.forms(word[:-2]))
        if singular := self.irregular.get(word):
            return (word, singular)
        if not word.endswith("s") or self.is_noun(word):
            return (word,)
        endings = ((3, "y"),) if word.endswith("ies") else ((1, ""), (2, ""))
        found = [word[:-cut] + end for cut, end in endings if word[:-cut] + end in self._longest]
        return (word, *found[:1])

    def read(self, text: str) -> list[Token]:
        """The tokens of a text."""
        tokens: list[Token] = []
        end = clause = sentence = 0
        for match in _TOKEN.finditer(text):
            gap = text[end : match.start()]
            clause += bool(_CLAUSE_END.search(gap))
            sentence += bool(_SENTENCE_END.search(gap))
            word = match[0].lower().replace("\u2019", "'")
            forms = self.forms(word)
            joined = bool(tokens) and gap == "-"
            tokens.append(Token(word, forms, match.start(), clause, sentence, match[0], joined))
            end = match.end()
        return tokens

    def matches(self, tokens: Sequence[Token]) -> list[Match]:
        """All known terms in a text, the longest first where several begin at the same word."""
        found: list[Match] = []
        for start, token in enumerate(tokens):
            most = max(self._longest.get(form, 0) for form in token.forms)
            for size in range(min(most, MOST_WORDS, len(tokens) - start), 0, -1):
                for term in self._spellings(tokens[start : start + size]):
                    if term in self.terms:
                        found.append(Match(term, start, start + size))
                        break
        return found

    @staticmethod
    def _spellings(tokens: Sequence[Token]) -> Iterator[str]:
        head = " ".join(token.word for token in tokens[:-1])
        for form in tokens[-1].forms:
            yield f"{head} {form}".lstrip()
        if len(tokens) > 1 and len(tokens[0].forms) > 1:
            yield " ".join(token.forms[-1] for token in tokens)

    def values(self, tokens: Sequence[Token], matches: Iterable[Match]) -> dict[int, int]:
        """The numbers of a text, by the token at which each begins."""
        found: dict[int, int] = {}
        covered = 0
        for match in matches:
            if match.term in self.numbers and match.start >= covered:
                found[match.start] = self.numbers[match.term]
                covered = match.end
        digits = ((at, token.word) for at, token in enumerate(tokens))
        return found | {
            at: int(word) for at, word in digits if word.isdigit() and len(word) <= _MOST_DIGITS
        }

    def narrowed(self, term: str) -> set[str]:
        """The term with all narrower terms."""
        names = self._names(term)
        found = set(names)
        pending = [term, *(entry[0] for entry in self.entries.get(term, ()))]
        while pending:
            # Only an entry's first name leads further: `plant` is also another name for a factory.
            for entry in self.narrower.get(pending.pop(), ()):
                pending += {entry[0]} - found
                found.update(entry)
        return found

    def _names(self, term: str) -> set[str]:
        return {term}.union(*self.entries.get(term, ()))

    def _broader(self, terms: Iterable[str]) -> set[str]:
        found: set[str] = set()
        pending = list(terms)
        while pending:
            fresh = self.kinds.get(pending.pop(), set()) - self.words("headings") - found
            found |= fresh
            pending += fresh
        return found

    def _accepted(self, term: str) -> frozenset[str]:
        """Every term that shows a thing: other names, narrower and broader terms, what shows it."""
        names = self._names(term)
        found = self.narrowed(term)
        for kind in self._broader({term, *(entry[0] for entry in self.entries.get(term, ()))}):
            found |= self._names(kind)
        shown = self.sets("shown_by")
        for name in names:
            found |= shown.get(name, frozenset())
        return frozenset(found)

    def _siblings(self, term: str) -> frozenset[str]:
        """Other things of the same kind, where things of that kind often stand for each other."""
        kinds = self.kinds.get(term, set()) & self.words("loose")
        found = {name for kind in kinds for entry in self.narrower[kind] for name in entry}
        return frozenset(found - self.accepted(term))


def wrong_vocabulary(text: str) -> str | None:
    """What is wrong with the text of a workflow's own vocabulary, if anything."""
    try:
        tables = json.loads(text)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(tables, dict):
        return "must be an object of tables"
    known = _english()
    for name, table in tables.items():
        if name not in known:
            return f"unknown table `{name:.80}`; known: {', '.join(known)}"
        if type(table) is not type(known[name]):
            return f"the table `{name}` must be {'a list' if isinstance(known[name], list) else 'an object'}"
        values = table.values() if isinstance(table, dict) else table
        example = next(iter(known[name].values() if isinstance(table, dict) else known[name]))
        if not all(type(value) is type(example) for value in values):
            return f"the table `{name}` must hold values such as {json.dumps(example):.60}"
    return None


@lru_cache(maxsize=1)
def _english() -> Mapping[str, Any]:
    text = files("callsheet.fidelity").joinpath("english.json").read_text("utf-8")
    tables: Mapping[str, Any] = json.loads(text)
    return tables


@lru_cache(maxsize=8)
def vocabulary(extension: str = "") -> Vocabulary:
    """The built-in vocabulary, with the tables of a JSON text added to it."""
    return Vocabulary([_english(), *([json.loads(extension)] if extension else [])])
