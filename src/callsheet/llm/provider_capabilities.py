"""What the structured output of each dialect enforces and accepts, with the sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from callsheet.llm.providers import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)

Form = Dialect | Literal["llama.cpp", "vllm"]
"""A dialect, or the engine of a server of one's own, which may enforce more than its dialect."""

References = Literal["any", "acyclic", "cyclic"]


@dataclass(frozen=True)
class SchemaSupport:
    """What a dialect enforces beyond structure, enum and anyOf, and which forms it accepts.

    `references`: which it resolves; others are inlined. `max_min_items`: the highest `minItems`.
    `bounded`: types whose numeric bounds it enforces. `ordering`: whether a keyword of its own gives the
    order of properties.
    """

    keywords: frozenset[str]
    formats: frozenset[str]
    references: References = "any"
    type_lists: bool = True
    max_min_items: int | None = None
    bounded: frozenset[str] = frozenset({"integer", "number"})
    enumerated: tuple[type, ...] = (object,)
    ordering: bool = False


_OPENAI = SchemaSupport(BOUNDS | {"minItems", "maxItems", "pattern", "format"}, _FORMATS)

# llama.cpp grammars/README.md: bounds of integers only; nested references fail.
_LLAMA_CPP = SchemaSupport(
    (BOUNDS - {"multipleOf"})
    | {"minItems", "maxItems", "minLength", "maxLength", "pattern", "format"},
    frozenset({"date-time", "date", "time", "uuid"}),
    references="cyclic",
    bounded=frozenset({"integer"}),
)

SCHEMA_SUPPORT: Mapping[Form, SchemaSupport] = {
    # Structured outputs guide, "Supported schemas", as profiled in February 2026.
    "openai": _OPENAI,
    "openai_compatible": _OPENAI,
    # Structured outputs, "JSON Schema limitations": no bounds, no recursion, `minItems` 0 or 1.
    "anthropic": SchemaSupport(
        frozenset({"format", "minItems"}),
        _FORMATS | {"uri"},
        references="acyclic",
        type_lists=False,
        max_min_items=1,
    ),
    # The API reference of `responseJsonSchema`: only optional properties may be cyclic.
    "google": SchemaSupport(
        frozenset({"minimum", "maximum", "minItems", "maxItems", "format"}),
        frozenset({"date-time", "date", "time"}),
        references="acyclic",
        enumerated=(str, int, float),
        ordering=True,
    ),
    "ollama": _LLAMA_CPP,
    "llama.cpp": _LLAMA_CPP,
    # vllm#45592: xgrammar ignores `maxLength` beside `pattern`, so that only bounds are sent.
    "vllm": SchemaSupport(
        frozenset({"minItems", "maxItems", "minLength", "maxLength"}), frozenset()
    ),
}
