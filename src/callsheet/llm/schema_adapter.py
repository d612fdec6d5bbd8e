"""Lowers a full JSON schema to what a provider accepts: what it cannot enforce, it is told in words.

The full schema stays the judge of every reply; the lowered copy only shows the way. Keywords that
a dialect does not know move into the `description` of their node, a rule's own `$comment` first.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from callsheet.llm.provider_capabilities import BOUNDS, SCHEMA_SUPPORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.llm.provider_capabilities import SchemaSupport
    from callsheet.llm.providers import Dialect

Node = dict[str, Any]

_SILENT = frozenset({"title", "default", "examples", "deprecated", "readOnly", "writeOnly"})
"""Keywords that rule nothing, so nothing is said of them."""

_FOLDED = frozenset({"type", "description", "enum", "const", "items", "anyOf", "format"})
"""Keywords that a node may take over from a part of its `allOf`."""

_UNTOLD = _SILENT | {"type", "description", "enum", "const", "format", "additionalProperties"}
"""Keywords without words of their own: a named format is explained by the description beside it."""

_COUNTED: Mapping[str, str] = {
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
}


def adapt_schema(schema: Mapping[str, JsonValue], dialect: Dialect) -> dict[str, JsonValue]:
    """The schema in the form that the dialect accepts, its properties in the same order."""
    return _Adapter(dict(schema), SCHEMA_SUPPORT[dialect]).whole()


def count_texts(lowered: Mapping[str, JsonValue]) -> int:
    """How many values a reply to a lowered schema holds; a list counts as one."""
    return _count(lowered, dict(lowered), ())


def _count(node: Any, root: Node, seen: tuple[str, ...]) -> int:
    if not isinstance(node, dict):
        return 1
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        return _count(_find(reference, root), root, (*seen, reference))
    if isinstance(properties := node.get("properties"), dict):
        return sum(_count(child, root, seen) for child in properties.values())
    if choices := node.get("anyOf"):
        return max(_count(choice, root, seen) for choice in choices)
    return _count(node["items"], root, seen) if "items" in node else 1


def _find(reference: str, root: Node) -> Any:
    """The node that a reference within the schema names, or None."""
    node: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _comes_round(reference: str, root: Node) -> bool:
    """Whether what a reference names leads back to it."""
    seen: set[str] = set()
    waiting = [_find(reference, root)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            target = node.get("$ref")
            if target == reference:
                return True
            waiting += node.values()
            if isinstance(target, str) and target not in seen:
                seen.add(target)
                waiting.append(_find(target, root))
    return False


class _Adapter:
    """One schema on its way down; holds its root for the references within it."""

    def __init__(self, root: Node, rules: SchemaSupport) -> None:
        self.root = root
        self.rules = rules

    def whole(self) -> Node:
        lowered = self.node(
            {name: part for name, part in self.root.items() if name not in ("$defs", "definitions")}
        )
        for home in ("$defs", "definitions"):
            if isinstance(parts := self.root.get(home), dict):
                lowered[home] = {name: self.node(part) for name, part in parts.items()}
        return lowered

    def node(self, node: Any, inside: tuple[str, ...] = ()) -> Node:
        if not isinstance(node, dict):
            return {}
        if set(node) <= {"$ref", "$comment"} and self._keeps(node.get("$ref")):
            return {"$ref": node["$ref"]}
        flat, said = self._flat(node, inside)
        if "$ref" in node:
            inside = (*inside, node["$ref"])
        lowered: Node = {}
        for keyword, value in flat.items():
            if keyword in _SILENT or keyword.startswith(("$", "x-")):
                continue
            self._take(keyword, value, flat, lowered, said)
        self._shape(flat, lowered, inside)
        if told := _described(str(flat.get("description", "")), said):
            lowered["description"] = told
        return lowered

    def _keeps(self, reference: Any) -> bool:
        """Whether a reference may stand as it is: to a definition that is there, of a kind taken."""
        if not isinstance(reference, str) or not isinstance(_find(reference, self.root), dict):
            return False
        if re.match(r"#(/(\$defs|definitions)/[^/]+)?$", reference) is None:
            return False
        wanted = self.rules.references
        return wanted == "any" or (wanted == "circles only") == _comes_round(reference, self.root)

    def _flat(self, node: Node, inside: tuple[str, ...]) -> tuple[Node, list[str]]:
        """The node with its `$ref` and `allOf` folded in, and the rules that could only be told."""
        flat = {name: value for name, value in node.items() if name not in ("$ref", "allOf")}
        parts = list(node.get("allOf", ()))
        if isinstance(reference := node.get("$ref"), str):
            target = _find(reference, self.root)
            # Where a circle closes, its kind alone is left of what it names.
            kind = target.get("type", "object") if isinstance(target, dict) else "string"
            parts.insert(0, {"type": kind} if reference in inside else target)
            inside = (*inside, reference)
        said: list[str] = []
        for part in parts:
            if not isinstance(part, dict):
                continue
            more, words = self._flat(part, inside)
            said += words
            _fold(more, flat, said)
        return flat, said

    def _take(self, keyword: str, value: Any, flat: Node, lowered: Node, said: list[str]) -> None:
        """Puts one keyword into the lowered node, or says it in words."""
        match keyword:
            case "type" if isinstance(value, list) and not self.rules.type_lists:
                lowered["anyOf"] = [{"type": one} for one in value]
            case "enum" | "const" if not self._lists(value if keyword == "enum" else [value]):
                said.append(f"One of: {json.dumps(value, ensure_ascii=False)}.")
            case "const":
                lowered["enum"] = [value]
            case "type" | "description" | "enum":
                lowered[keyword] = value
            case "properties" | "required" | "additionalProperties" | "items" | "anyOf" | "oneOf":
                pass
            case _ if self._enforces(keyword, value, flat):
                lowered[keyword] = value
            case _:
                said.extend(_words(keyword, value, flat))

    def _enforces(self, keyword: str, value: Any, flat: Node) -> bool:
        if keyword not in self.rules.keywords:
            return False
        match keyword:
            case "format":
                return value in self.rules.formats
            case "pattern":
                return _is_whole(value)
            case "minItems":
                return self.rules.floor is None or value <= self.rules.floor
            case _:
                return keyword not in BOUNDS or flat.get("type") in self.rules.bounded

    def _lists(self, values: Any) -> bool:
        """Whether the dialect takes an enum of these values."""
        return all(isinstance(v, self.rules.enumerated) and not self._is_odd(v) for v in values)

    def _is_odd(self, value: Any) -> bool:
        # To Python, True is a number.
        return isinstance(value, bool) and self.rules.enumerated != (object,)

    def _shape(self, flat: Node, lowered: Node, inside: tuple[str, ...]) -> None:
        """Gives the node its type and children; an object is closed and wants all it names."""
        properties = flat.get("properties")
        choices = flat.get("anyOf") or flat.get("oneOf")
        # Beside properties, engines read one of the two or refuse both.
        if choices and not properties:
            lowered["anyOf"] = [self.node(part, inside) for part in choices]
        if isinstance(properties, dict) or flat.get("type") == "object":
            children = {name: self.node(part, inside) for name, part in (properties or {}).items()}
            lowered |= {"type": "object", "properties": children}
            lowered |= {"required": list(children), "additionalProperties": False}
            if self.rules.ordering:
                lowered["propertyOrdering"] = list(children)
        elif "items" in flat or flat.get("type") == "array":
            lowered |= {"type": "array", "items": self.node(flat.get("items", {}), inside)}
            lowered["items"] = lowered["items"] or {"type": "string"}
        elif not {"type", "anyOf"} & set(lowered):
            lowered["type"] = _type_of(lowered.get("enum"))


def _fold(part: Node, into: Node, said: list[str]) -> None:
    """Folds one part of an `allOf` into the node: its structure as it is, its other rules in words."""
    for keyword, value in part.items():
        match keyword:
            case "properties":
                into["properties"] = {**into.get("properties", {}), **value}
            case "required":
                into["required"] = [*into.get("required", []), *value]
            case _ if keyword in into or keyword not in _FOLDED:
                said.extend(_words(keyword, value, part))
            case _:
                into[keyword] = value


def _words(keyword: str, value: Any, node: Node) -> Iterator[str]:
    """One rule as a sentence; what rules nothing is passed over."""
    match keyword:
        case _ if keyword in _COUNTED:
            yield _COUNTED[keyword].format(value)
        case "pattern":
            yield _comment(node) or f"Must match the regular expression `{value}`."
        case "not":
            yield _comment(value) or _comment(node) or _not(value)
        case _ if keyword not in _UNTOLD and not keyword.startswith(("$", "x-")):
            yield f"{keyword}: {json.dumps(value, ensure_ascii=False)}."


def _comment(node: Any) -> str:
    """A rule's own explanation as a sentence, if it has one."""
    told = node.get("$comment") if isinstance(node, dict) else None
    if not isinstance(told, str) or not told.strip():
        return ""
    told = told.strip()
    return told[0].upper() + told[1:] + ("" if told.endswith((".", "!", "?")) else ".")


def _not(value: Any) -> str:
    if isinstance(value, dict) and isinstance(what := value.get("description"), str):
        return f"Without {what.rstrip('.')}."
    if isinstance(value, dict) and set(value) == {"pattern"}:
        return f"Must not match the regular expression `{value['pattern']}`."
    if isinstance(value, dict) and (listed := value.get("enum") or [value.get("const")]) != [None]:
        return f"Must not be {' or '.join(json.dumps(one, ensure_ascii=False) for one in listed)}."
    return f"Must not fit {json.dumps(value, ensure_ascii=False)}."


def _described(description: str, said: list[str]) -> str:
    """The description with those sentences added that it does not hold yet, each once."""
    sentences = [one for one in dict.fromkeys(said) if one not in description]
    if description and sentences and not description.endswith((".", "!", "?", ":")):
        description += "."
    return " ".join([description, *sentences]).strip()


def _is_whole(pattern: str) -> bool:
    """Whether a pattern is regular and describes the whole text.

    Some engines take any pattern for the whole text's, so a word to be found somewhere would become
    the only word. Lookaround, flags, word boundaries and back-references they do not know at all.
    """
    anchored = pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern
    return anchored and not re.search(r"\(\?(?!:)|\\[bB1-9AZz]", pattern)


def _type_of(values: Any) -> Any:
    """The one type of an enum's values, a text's where nothing tells."""
    names = {bool: "boolean", str: "string", int: "integer", float: "number"}
    found = {names.get(type(value), "string") for value in values or ()}
    return found.pop() if len(found) == 1 else "string"
