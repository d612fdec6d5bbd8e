"""Facts for tests: any that the model admits, drawn field by field, so that new ones are drawn too."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from callsheet.events import Event, RecordedEvent

texts = st.text(st.characters(), max_size=12)
"""Any text, with NUL, controls and halves of surrogate pairs."""

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
"""Names in an object; half of a surrogate pair cannot be one."""

numbers = st.floats(allow_nan=False, allow_infinity=False)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)

KINDS: tuple[type[BaseModel], ...] = get_args(get_args(Event)[0])
"""Every kind of fact there is."""


def recorded(events: Iterable[Event], *, start: int = 1, at: float = 100.0) -> list[RecordedEvent]:
    """The events as a store would give them back, one second apart."""
    return [RecordedEvent(seq, at + seq, event) for seq, event in enumerate(events, start=start)]


def any_of(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Any fact of this kind."""
    fields = {name: _any(field.annotation) for name, field in kind.model_fields.items()}
    return st.builds(kind, **fields)


def any_event() -> st.SearchStrategy[Any]:
    """Any fact at all."""
    return st.one_of([any_of(kind) for kind in KINDS])


def _any(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation is JsonValue:
        return json_values
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any_of(annotation)
    if is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return st.builds(annotation, **{name: _any(hint) for name, hint in hints.items()})
    return _GENERIC[get_origin(annotation)](get_args(annotation))


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(0, 2**53),
    float: numbers,
    bool: st.booleans(),
    type(None): st.none(),
}

_GENERIC: dict[Any, Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]] = {
    dict: lambda inner: st.dictionaries(keys, _any(inner[1]), max_size=3),
    tuple: lambda inner: st.lists(_any(inner[0]), max_size=3).map(tuple),
    Literal: st.sampled_from,
    Union: lambda inner: st.one_of([_any(each) for each in inner]),
    types.UnionType: lambda inner: st.one_of([_any(each) for each in inner]),
}
