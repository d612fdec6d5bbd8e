"""The rules that OpenAI documents for strict structured output, as one function.

Source: the structured outputs guide, "Supported schemas" (types, keywords, formats, limits), as
profiled in February 2026 (UnitVectorY-Labs/jsonschemaprofiles, openai_202602).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STRING = {"pattern", "format"}
NUMBER = {"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"}
ARRAY = {"items", "minItems", "maxItems"}
OBJECT = {"properties", "required", "additionalProperties"}
ANYWHERE = {"type", "description", "enum", "const", "anyOf", "$ref", "$defs", "definitions"}
KEYWORDS = ANYWHERE | STRING | NUMBER | ARRAY | OBJECT

TYPES = {"string", "number", "boolean", "integer", "object", "array", "null"}
FORMATS = {
    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
}  # fmt: skip

MOST_PROPERTIES, DEEPEST, LONGEST_NAMES, MOST_ENUM_VALUES = 5_000, 10, 120_000, 1_000
LARGE_ENUM, LONGEST_LARGE_ENUM = 250, 15_000


def complaint(schema: Any) -> str | None:
    """The first thing that strict mode refuses in a schema, in the provider's words, or None."""
    return next(_complaints(schema), None)


def _complaints(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        yield "schema must be a JSON Schema of 'type: \"object\"', and not an anyOf, at its root."
        return
    yield from _node(schema, (), 0)
    nodes = list(_nodes(schema))
    properties = sum(len(node.get("properties", ())) for node in nodes)
    enums = [value for node in nodes for value in node.get("enum", ())]
    homes = ("properties", "$defs", "definitions")
    names = sum(len(name) for node in nodes for home in homes for name in node.get(home, ()))
    names += sum(len(str(value)) for value in enums)
    names += sum(len(str(node["const"])) for node in nodes if "const" in node)
    if properties > MOST_PROPERTIES:
        yield f"schema has {properties} properties; at most {MOST_PROPERTIES} are allowed."
    if names > LONGEST_NAMES:
        yield f"schema's names and values have {names} characters; at most {LONGEST_NAMES}."
    if len(enums) > MOST_ENUM_VALUES:
        yield f"schema has {len(enums)} enum values; at most {MOST_ENUM_VALUES} are allowed."
    for node in nodes:
        values = [str(value) for value in node.get("enum", ())]
        if len(values) > LARGE_ENUM and sum(map(len, values)) > LONGEST_LARGE_ENUM:
            yield f"an enum of over {LARGE_ENUM} values has over {LONGEST_LARGE_ENUM} characters."
        reference = node.get("$ref")
        if reference is not None and _resolve(reference, schema) is None:
            yield f"reference to component '{reference}' which was not found in the schema."


def _node(node: Any, at: tuple[str, ...], depth: int) -> Iterator[str]:
    if not isinstance(node, dict):
        yield _said(at, "schema must be an object.")
        return
    if depth > DEEPEST:
        yield _said(at, f"schema exceeds the limit of {DEEPEST} levels of nesting.")
        return
    for keyword in node:
        if keyword not in KEYWORDS:
            yield _said(at, f"'{keyword}' is not permitted.")
    if "$ref" in node:
        if more := sorted(set(node) - {"$ref"}):
            yield _said(at, f"$ref cannot have keywords {more}.")
        return
    yield from _typed(node, at)
    yield from _children(node, at, depth)


def _typed(node: dict[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    given = node.get("type", [])
    types: set[str] = set(given) if isinstance(given, list) else {given}
    if not types and not {"anyOf", "enum", "const"} & set(node):
        yield _said(at, "schema must have a 'type' key.")
    for unknown in sorted(types - TYPES):
        yield _said(at, f"'{unknown}' is not a valid type.")
    if "format" in node and node["format"] not in FORMATS:
        yield _said(at, f"'{node['format']}' is not a supported format.")
    if any(mark in node.get("pattern", "") for mark in ("(?=", "(?!", "(?<")):
        yield _said(at, "'pattern' with lookaround is not supported.")
    for kind, keywords in (("string", STRING), ("array", ARRAY), ("object", OBJECT)):
        if types and kind not in types and (found := sorted(keywords & set(node))):
            yield _said(at, f"'{found[0]}' is not permitted for type {sorted(types)}.")


def _children(node: dict[str, Any], at: tuple[str, ...], depth: int) -> Iterator[str]:
    if node.get("type") == "object" or "properties" in node:
        yield from _object(node, at, depth)
    if node.get("type") == "array" or "items" in node:
        yield from _node(node.get("items"), (*at, "items"), depth + 1)
    for index, child in enumerate(node.get("anyOf", ())):
        yield from _node(child, (*at, "anyOf", str(index)), depth)
    for home in ("$defs", "definitions"):
        for name, child in node.get(home, {}).items():
            yield from _node(child, (*at, home, name), depth)


def _object(node: dict[str, Any], at: tuple[str, ...], depth: int) -> Iterator[str]:
    properties = node.get("properties") or {}
    required = node.get("required")
    if node.get("additionalProperties") is not False:
        yield _said(at, "'additionalProperties' is required to be supplied and to be false.")
    missing = [name for name in properties if name not in (required or ())]
    if missing or not isinstance(required, list):
        yield _said(
            at,
            "'required' is required to be supplied and to be an array including every key in"
            f" properties. Missing '{(missing or ['required'])[0]}'.",
        )
    for name, child in properties.items():
        yield from _node(child, (*at, "properties", name), depth + 1)


def _said(at: tuple[str, ...], what: str) -> str:
    return f"In context={at}, {what}"


def keywords(schema: Any) -> set[str]:
    """Every keyword that stands anywhere in a schema."""
    return {keyword for node in _nodes(schema) for keyword in node}


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(node, dict):
        return
    yield node
    for home in ("properties", "$defs", "definitions"):
        for child in node.get(home, {}).values():
            yield from _nodes(child)
    yield from _nodes(node.get("items"))
    for child in node.get("anyOf", ()):
        yield from _nodes(child)


def _resolve(reference: str, root: Any) -> Any:
    node = root
    for name in reference.removeprefix("#").split("/")[1:]:
        node = node.get(name) if isinstance(node, dict) else None
    return node
