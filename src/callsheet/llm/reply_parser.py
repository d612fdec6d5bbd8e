"""Finds the JSON objects in a complete or partial reply of an LLM, also where they are damaged.

An object is read by the strict parser first. What that refuses is read again with tolerance for
line breaks and wrong escapes inside texts, Python's quotes, missing or superfluous commas, and
missing brackets at the end. A value is taken only if what follows it shows where it ends; after a
value that is broken, reading goes on with the next known name. No character is read more than a
few times.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

MAX_REPLY = 10_000_000
"""Characters; far longer than any reply to a schema."""

MAX_DEPTH = 64
"""How deep objects and lists may be nested."""

MAX_OBJECTS = 200
"""How many objects of a text are read."""

LINE_BREAK = "a line break inside a text"
ESCAPE = "a wrong escape"
QUOTES = "single quotes"
COMMA = "a comma too many"
NO_COMMA = "a missing comma"
NO_BRACKET = "a missing bracket"

_DOUBLE = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SINGLE = r"'[^'\\]*+(?:\\.[^'\\]*+)*+'"
_NAME = rf"(?:{_DOUBLE}|{_SINGLE})\s*+:"
_STRING = re.compile(f"{_DOUBLE}|{_SINGLE}", re.DOTALL)
_KEY = re.compile(_NAME, re.DOTALL)
_START = re.compile(rf"\{{\s*+(?:\}}|{_NAME})|\[\s*+(?=\{{)", re.DOTALL)
_SPACE = re.compile(r"\s*+")
_BRACE = re.compile(r"[{}]")
_GAP = re.compile(r"[\s,]*+")
_AFTER = re.compile(rf"[\s,]*+(?:[}}\]]|{_NAME})", re.DOTALL)
_AFTER_ITEM = re.compile(r"\s*+(?:,[\s,]*+(?=[\"'{\[\d\-tfnTFN\]])|(?=\]))")
_WORD = re.compile(r"-?\d[\d.eE+-]*+|[A-Za-z]++")
_WORDS: Mapping[str, JsonValue] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)|\"", re.DOTALL)
_WRITTEN = re.compile(r'[^"\\]*+(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*+)*+', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_THOUGHT = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning|reflection)"
_THOUGHT_END = re.compile(
    rf"</{_THOUGHT}>|\[/THINK\]|<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
    r"|<\|END_THINKING\|>|<\|end_of_thought\|>|◁/think▷",
    re.IGNORECASE,
)
_THOUGHT_START = re.compile(
    rf"<{_THOUGHT}>|\[THINK\]|<\|channel\|>\s*(?:analysis|commentary)\b|<\|START_THINKING\|>"
    r"|<\|begin_of_thought\|>|◁think▷",
    re.IGNORECASE,
)


class PartialObject(dict[str, Any]):
    """An object of which a part could not be read, or is not written yet."""


class PartialList(list[Any]):
    """A list that is not complete."""


@dataclass(frozen=True)
class KnownNames:
    """The names of a schema's properties, by which reading continues after a broken value.

    `shared` are those that stand at several places of the schema.
    """

    names: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    def pattern(self) -> re.Pattern[str] | None:
        """One of the names as a key, whatever its case and the signs between its words."""
        if not self.names:
            return None
        forms = (r"[\s_.-]?".join(map(re.escape, re.split(r"[\s_.-]+", n))) for n in self.names)
        listed = "|".join(sorted(forms, key=len, reverse=True))
        return re.compile(rf"([\"'])(?:{listed})\1\s*+:", re.IGNORECASE)


@dataclass(frozen=True)
class FoundObject:
    """An object or list of objects in a reply, where it ends, and what was put right in it.

    It is `closed` where its own last bracket was read.
    """

    value: dict[str, Any] | list[Any]
    end: int
    closed: bool = True
    mended: tuple[str, ...] = ()


def simple_name(name: str) -> str:
    """A name without what LLMs change in it: case, spaces and signs."""
    return "".join(filter(str.isalnum, name.casefold()))


def objects_in(
    text: str, known: KnownNames = KnownNames(), *, growing: bool = False
) -> Iterator[FoundObject]:
    """The objects of a reply after its thoughts, from first to last.

    With `growing`, more of the text may follow: what is not certain yet is left out.
    """
    if len(text) > MAX_REPLY:
        return
    ends = [found.end() for found in _THOUGHT_END.finditer(text)]
    at = ends[-1] if ends else 0
    if growing and _THOUGHT_START.search(text, at):
        return
    names = _NextNames(text, known)
    for _ in range(MAX_OBJECTS):
        if (start := _START.search(text, at)) is None:
            return
        found = _strict(text, start.start())
        found = found or _TolerantReader(text, names, growing=growing).read(start.start())
        yield found
        at = max(found.end, start.start() + 1)


def unfinished_text(text: str, known: KnownNames) -> tuple[re.Match[str], str] | None:
    """The text at the end of a reply that is still being written, and its name as a key.

    None where the reply ends with anything else than a text that begins after one of the names.
    """
    pattern = known.pattern()
    ends = [found.end() for found in _THOUGHT_END.finditer(text)]
    at = ends[-1] if ends else 0
    if pattern is None or _THOUGHT_START.search(text, at):
        return None
    place = None
    for place in pattern.finditer(text, at):  # noqa: B007  # the last one is wanted
        pass
    if place is None:
        return None
    space = _SPACE.match(text, place.end())
    start = space.end() if space else place.end()
    if text[start : start + 1] != '"' or _STRING.match(text, start):
        return None
    written = _WRITTEN.match(text, start + 1)
    reader = _TolerantReader(text, _NextNames(text, known), growing=True)
    return place, reader.string(f'"{written.group() if written else ""}"')


def has_object(text: str) -> bool:
    """Whether a complete object stands in a text."""
    return any(found.closed for found in objects_in(text))


def ends_thought(text: str) -> bool:
    """Whether what stands before this text was no answer."""
    return _THOUGHT_END.search(text) is not None


def _reject(constant: str) -> Any:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


_strictly = json.JSONDecoder(parse_constant=_reject, parse_float=_finite)
_any_character = json.JSONDecoder(strict=False)


def _strict(text: str, at: int) -> FoundObject | None:
    try:
        value, end = _strictly.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return FoundObject(value, end)


class _BrokenError(Exception):
    """A value cannot be read; `at` is where to search for the next name."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class _NextNames:
    """Where the known names stand in a text; each place is searched for once."""

    def __init__(self, text: str, known: KnownNames) -> None:
        self._text = text
        self._pattern = known.pattern()
        self._shared = {simple_name(name) for name in known.shared}
        self._last: re.Match[str] | None = None

    def find(self, at: int, seen: set[str]) -> int | None:
        """Where an object goes on after a broken value; None where it ends there.

        A name that it has already begins another object, and so may one that several objects have.
        """
        if self._last is None or self._last.start() < at:
            self._last = self._pattern.search(self._text, at) if self._pattern else None
        if self._last is None:
            self._pattern = None
            return None
        place, name = self._last.start(), simple_name(self._last.group())
        if name in seen or (name in self._shared and _BRACE.search(self._text, at, place)):
            return None
        return place

    def are_within(self, at: int, end: int) -> bool:
        """Whether a known name stands as a key between two places."""
        return self._pattern is not None and self._pattern.search(self._text, at, end) is not None


@dataclass
class _TolerantReader:
    """Reads one damaged object; with `growing`, more of the text may follow."""

    text: str
    names: _NextNames
    growing: bool = field(kw_only=True)
    mended: dict[str, None] = field(default_factory=dict)
    _unclosed: bool = False

    def read(self, at: int) -> FoundObject:
        try:
            value, end = self._value(at, 0)
        except _BrokenError as error:
            return FoundObject(PartialObject(), error.at, closed=False)
        return FoundObject(value, end, not self._unclosed, tuple(self.mended))

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        if depth > MAX_DEPTH:
            raise _BrokenError(at)
        match self.text[at : at + 1]:
            case "{":
                return self._object(at + 1, depth)
            case "[":
                return self._list(at + 1, depth)
            case _:
                return self._scalar(at)

    def _object(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        """An object from after its brace; its broken values are left out."""
        found: dict[str, Any] = {}
        seen: set[str] = set()
        whole = resumed = True
        while True:
            at = self._gap(at, first=resumed)
            if self.text[at : at + 1] == "}":
                return found if whole else PartialObject(found), at + 1
            if at == len(self.text):
                return self._cut(PartialObject(found), at, NO_BRACKET)
            before, resumed = dict(self.mended), False
            try:
                name, start = self._key(at)
                seen.add(simple_name(name))
                found[name], at = self._member(start, depth)
            except _BrokenError as error:
                self.mended, whole, resumed = before, False, True
                place = self.names.find(error.at, seen)
                if place is None:
                    return self._cut(PartialObject(found), max(error.at, at))
                at = place

    def _member(self, at: int, depth: int) -> tuple[Any, int]:
        """The value of a name, and where it ends: a text must be followed as texts are."""
        value, end = self._value(at, depth + 1)
        if self.text[at : at + 1] == "'" and self.names.are_within(at, end):
            # A stray quotation mark: what it seems to open holds the members that follow.
            raise _BrokenError(at + 1)
        if isinstance(value, dict | list) or _AFTER.match(self.text, end) or self._ends(end, value):
            return value, end
        raise _BrokenError(at + 1)

    def _list(self, at: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            at = self._gap(at, first=not items)
            if self.text[at : at + 1] == "]":
                return items, at + 1
            if at == len(self.text):
                return self._cut(PartialList(items), at, NO_BRACKET)
            start = at
            item, at = self._value(at, depth + 1)
            if isinstance(item, dict | list):
                items.append(item)
                if not _AFTER_ITEM.match(self.text, at):
                    return self._cut(PartialList(items), at)
            elif not _AFTER_ITEM.match(self.text, at) and not self._ends(at, item):
                raise _BrokenError(start)
            else:
                items.append(item)

    def _cut(self, partial: Any, at: int, why: str = "") -> tuple[Any, int]:
        """A value that ends without its bracket."""
        self._unclosed = True
        if why:
            self.mended[why] = None
        return partial, at

    def _ends(self, at: int, value: object) -> bool:
        """Whether the text ends after a value that is complete; a number may be cut."""
        gap = _GAP.match(self.text, at)
        last = gap is not None and gap.end() == len(self.text)
        return last and not self.growing and type(value) not in (int, float)

    def _scalar(self, at: int) -> tuple[Any, int]:
        if found := _STRING.match(self.text, at):
            return self.string(found.group()), found.end()
        word = _WORD.match(self.text, at)
        if word is None:
            raise _BrokenError(at)
        if word.group() in _WORDS:
            return _WORDS[word.group()], word.end()
        try:
            value, end = _strictly.raw_decode(word.group())
        except ValueError:
            raise _BrokenError(at) from None
        return value, at + end

    def _key(self, at: int) -> tuple[str, int]:
        """A name, and where its value starts."""
        found = _KEY.match(self.text, at)
        if found is None:
            raise _BrokenError(at)
        return self.string(found.group()[:-1].rstrip()), self._skipped(found.end())

    def string(self, written: str) -> str:
        """What a text in quotation marks says."""
        inner = written[1:-1]
        if written[0] == "'":
            self.mended[QUOTES] = None
        if _CONTROL.search(inner):
            self.mended[LINE_BREAK] = None
        text: str = _any_character.decode(f'"{_ESCAPED.sub(self._escape, inner)}"')
        return text

    def _escape(self, found: re.Match[str]) -> str:
        """An escape as JSON has it; a backslash that begins none stands for itself."""
        escaped = found[1]
        if escaped is None:
            return '\\"'
        if escaped[0] in '"\\/bfnrt' or len(escaped) == len("uXXXX"):
            return found[0]
        if len(escaped) == len("xXX"):
            return f"\\u00{escaped[1:]}"
        if escaped == "'":
            return "'"
        self.mended[ESCAPE] = None
        return f"\\\\{escaped}"

    def _gap(self, at: int, *, first: bool) -> int:
        """The next sign that is neither space nor comma; one comma belongs between two values."""
        found = _GAP.match(self.text, at)
        end = found.end() if found else at
        commas = self.text.count(",", at, end)
        closes = self.text[end : end + 1] in ("}", "]")
        if commas > (0 if first or closes else 1):
            self.mended[COMMA] = None
        elif not commas and not first and not closes and end < len(self.text):
            self.mended[NO_COMMA] = None
        return end

    def _skipped(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at
