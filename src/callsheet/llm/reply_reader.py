"""Reads a reply by its schema: of all objects in its text, the values of the one that fits best.

Wrappers that are missing or doubled, names in another case, and values that stand one level too deep
are put right where there is exactly one way to do so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.llm.reply_parser import (
    MAX_DEPTH,
    KnownNames,
    PartialList,
    PartialObject,
    objects_in,
    simple_name,
    unfinished_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.llm.reply_parser import FoundObject

Path = tuple[str, ...]

_PLAIN = frozenset({"prompt", "prompts", "text", "value", "content"})
"""Names, simplified, that say nothing about which value stands below them."""

MAX_WRAPPED = 3
"""In how many objects or lists a text may stand where it should stand alone."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "array": (list,), "object": (dict,), "null": (type(None),),
}  # fmt: skip


@dataclass(frozen=True)
class ReadReply:
    """What a reply holds of what was asked.

    `values` are the complete values by their path, `taken` the object that they stand in, as it is.
    `mended` says in words what was put right; `complete` whether all values are there.
    """

    values: dict[Path, JsonValue] = field(default_factory=dict)
    taken: dict[str, JsonValue] = field(default_factory=dict)
    mended: tuple[str, ...] = ()
    complete: bool = False


def read_reply(text: str, schema: Mapping[str, JsonValue], *, growing: bool = False) -> ReadReply:
    """The values of a reply; with `growing`, those that are certain while more is being written.

    Of objects that hold the same number of values the last one is taken: it is the final version.
    """
    asked = _leaves(dict(schema))
    known = _known_names(asked)
    read = [_fitted(found, asked) for found in objects_in(text, known, growing=growing)]
    if not read:
        return ReadReply()
    best = max(reversed(read), key=lambda each: (len(each.values), len(each.taken)))
    values, mended = dict(best.values), dict.fromkeys(best.mended)
    for part in reversed(read):
        # A reply in several parts; what holds one of the values again is another version.
        if part.values and not part.values.keys() & values.keys():
            values |= part.values
            mended |= dict.fromkeys(part.mended)
    complete = asked.keys() <= values.keys()
    return ReadReply(values, best.taken, tuple(mended), complete)


def text_being_written(text: str, schema: Mapping[str, JsonValue]) -> tuple[Path, str] | None:
    """The text that a reply breaks off in, and the path of its value; None where that is not certain."""
    asked = _leaves(dict(schema))
    known = _known_names(asked)
    if (found := unfinished_text(text, known)) is None:
        return None
    key, written = found
    name = simple_name(key.group())
    paths = [path for path in asked if path and simple_name(path[-1]) == name]
    if len(paths) > 1:
        # Of equal names, the one whose object was begun last.
        begun = {text.rfind(f'"{path[-2]}"', 0, key.start()): path for path in paths if path[:-1]}
        paths = [begun[max(begun)]] if max(begun, default=-1) >= 0 else []
    return (paths[0], written) if paths else None


def _leaves(node: Any, at: Path = ()) -> dict[Path, Any]:
    """The schema of each value that a schema asks for."""
    properties = node.get("properties") if isinstance(node, dict) else None
    if not isinstance(properties, dict):
        return {at: node}
    return {
        path: leaf
        for name, child in properties.items()
        for path, leaf in _leaves(child, (*at, name)).items()
    }


def _known_names(asked: Mapping[Path, Any]) -> KnownNames:
    places = {path[:end] for path in asked for end in range(1, len(path) + 1)}
    counts = Counter(place[-1] for place in places)
    return KnownNames(frozenset(counts), frozenset(n for n, count in counts.items() if count > 1))


def _fitted(found: FoundObject, asked: Mapping[Path, Any]) -> ReadReply:
    """The values of one object, each where it stands or where alone it can be meant to stand."""
    values: dict[Path, JsonValue] = {}
    mended = dict.fromkeys(found.mended)
    for path, node in asked.items():
        value = _pick(found.value, path)
        if _fits(value, node):
            values[path] = value
    if len(values) < len(asked):
        search = _Search(found.value, asked)
        for path in [path for path in asked if path and path not in values]:
            if (place := search.find(path)) is not None:
                values[path] = place.value
                mended[place.words(path)] = None
    taken = found.value if isinstance(found.value, dict) else {}
    return ReadReply(values, _without_partial(taken, asked), tuple(mended) if values else ())


_NOTHING: Any = object()


def _pick(value: Any, path: Path) -> Any:
    for name in path:
        value = value.get(name, _NOTHING) if isinstance(value, dict) else _NOTHING
    return value


def _fits(value: Any, node: Any) -> bool:
    """Whether a complete value has the type that its schema asks for."""
    if value is _NOTHING or isinstance(value, PartialObject | PartialList):
        return False
    kinds = node.get("type") if isinstance(node, dict) else None
    if kinds is None:
        return True
    types = (_TYPES.get(str(kind), (object,)) for kind in _as_list(kinds))
    return any(
        isinstance(value, known) and (not isinstance(value, bool) or int not in known)
        for known in types
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _without_partial(
    taken: dict[str, Any], asked: Mapping[Path, Any], at: Path = ()
) -> dict[str, JsonValue]:
    """The object without values that are not complete."""
    kept: dict[str, JsonValue] = {}
    for name, value in taken.items():
        here = (*at, name)
        if isinstance(value, dict) and any(path[: len(here)] == here != path for path in asked):
            kept[name] = _without_partial(value, asked, here)
        elif not isinstance(value, PartialObject | PartialList):
            kept[name] = value
    return kept


@dataclass(frozen=True)
class _FoundValue:
    """A value somewhere in an object: below which names, and whether it was one level deeper."""

    trail: tuple[str, ...]
    name: str
    value: Any
    wrapped: bool = False

    def words(self, path: Path) -> str:
        if self.wrapped:
            return f"an object or a list for the text `{path[-1]}`"
        if self.name != path[-1]:
            return f"`{self.name:.40}` for `{path[-1]}`"
        return "a missing or superfluous wrapper"


class _Search:
    """Finds the values that an object holds elsewhere than its schema says."""

    def __init__(self, value: Any, asked: Mapping[Path, Any]) -> None:
        self._asked = asked
        self._paths = {path: tuple(map(simple_name, path)) for path in asked}
        self._ends = Counter(
            names[start:] for names in self._paths.values() for start in range(len(names))
        )
        self._names = {name for names in self._paths.values() for name in names}
        self._places: dict[str, list[_FoundValue]] = {}
        for place in self._walk(value, (), ""):
            self._places.setdefault(place.trail[-1], []).append(place)

    def find(self, path: Path) -> _FoundValue | None:
        """The only value that can be meant by a path; None where there is none, or several."""
        names = self._paths[path]
        for start in range(len(names)):
            end = names[start:]
            if self._ends[end] > 1:
                break
            # Below a name that nobody asked for stands another value of the same kind.
            own = {*names, *_PLAIN} if start > 1 else None
            found = (p for p in self._places.get(end[-1], ()) if p.trail[-len(end) :] == end)
            meant = self._meant((p for p in found if not own or own.issuperset(p.trail)), path)
            if meant is not None:
                return meant
        if len(self._asked) > 1:
            return None
        plain = (place for name in _PLAIN for place in self._places.get(name, ()))
        texts = (place for place in plain if isinstance(place.value, str))
        return self._meant((each for each in texts if _PLAIN.issuperset(each.trail)), path)

    def _meant(self, places: Iterable[_FoundValue], path: Path) -> _FoundValue | None:
        node = self._asked[path]
        found: list[_FoundValue] = []
        for place in places:
            if _fits(place.value, node):
                found.append(place)
            elif _fits("", node) and (text := _text_in(place.value, path[-1])) is not None:
                found.append(_FoundValue(place.trail, place.name, text, wrapped=True))
        return found[0] if found and all(p.value == found[0].value for p in found) else None

    def _walk(self, value: Any, trail: Path, name: str, depth: int = 0) -> Iterator[_FoundValue]:
        if trail:
            yield _FoundValue(trail, name, value)
        if depth > MAX_DEPTH:
            return
        if isinstance(value, list):
            for item in value:
                yield from self._walk(item, trail, name, depth + 1)
                if isinstance(item, dict):
                    yield from self._named(item, trail, depth + 1)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self._walk(item, (*trail, simple_name(key)), key, depth + 1)

    def _named(self, item: dict[str, Any], trail: Path, depth: int) -> Iterator[_FoundValue]:
        """An object of a list that says itself whose value it is: `{"model": …, "prompt": …}`."""
        for key, value in item.items():
            if isinstance(value, str) and simple_name(value) in self._names:
                rest = {name: each for name, each in item.items() if name != key}
                yield from self._walk(rest, (*trail, simple_name(value)), value, depth)


def _text_in(value: Any, name: str) -> str | None:
    """The text that an object or a list stands for; None where that is not certain."""
    plain = _PLAIN | {simple_name(name)}
    for _ in range(MAX_WRAPPED):
        if isinstance(value, PartialObject | PartialList):
            return None
        if isinstance(value, dict):
            value = [text for key, text in value.items() if simple_name(key) in plain]
        if not isinstance(value, list) or len(value) != 1:
            return None
        if isinstance(value := value[0], str):
            return value
    return None
