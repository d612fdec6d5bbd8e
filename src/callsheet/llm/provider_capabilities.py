"""What each provider's structured output enforces and which forms it takes, with where that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.llm.providers import Dialect

BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)

References = Literal["any", "no circles", "circles only"]


@dataclass(frozen=True)
class SchemaSupport:
    """What a dialect enforces beyond structure, enum and anyOf, and which forms it takes.

    `references`: which it follows; any other is replaced by what it names. `floor`: the highest
    `minItems`. `bounded`: the types whose numeric bounds it reads. `ordering`: whether the order of
    properties is told by a keyword of its own.
    """

    keywords: frozenset[str]
    formats: frozenset[str]
    references: References = "any"
    type_lists: bool = True
    floor: int | None = None
    bounded: frozenset[str] = frozenset({"integer", "number"})
    enumerated: tuple[type, ...] = (object,)
    ordering: bool = False


_OPENAI = SchemaSupport(BOUNDS | {"minItems", "maxItems", "pattern", "format"}, _FORMATS)

SCHEMA_SUPPORT: Mapping[Dialect, SchemaSupport] = {
    # Structured outputs guide, "Supported schemas", as profiled in February 2026.
    "openai": _OPENAI,
    "openai_compatible": _OPENAI,
    # Structured outputs, "JSON Schema limitations": no bounds, no recursion, `minItems` 0 or 1.
    "anthropic": SchemaSupport(
        frozenset({"format", "minItems"}),
        _FORMATS | {"uri"},
        references="no circles",
        type_lists=False,
        floor=1,
    ),
    # The API reference of `responseJsonSchema`: a circle may only stand in what is not required.
    "google": SchemaSupport(
        frozenset({"minimum", "maximum", "minItems", "maxItems", "format"}),
        frozenset({"date-time", "date", "time"}),
        references="no circles",
        enumerated=(str, int, float),
        ordering=True,
    ),
    # llama.cpp grammars/README.md: bounds of integers alone, and nested references are broken.
    "ollama": SchemaSupport(
        (BOUNDS - {"multipleOf"})
        | {"minItems", "maxItems", "minLength", "maxLength", "pattern", "format"},
        frozenset({"date-time", "date", "time", "uuid"}),
        references="circles only",
        bounded=frozenset({"integer"}),
    ),
}
