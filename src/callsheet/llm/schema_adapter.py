"""Adapts a full JSON schema to what a provider accepts; other rules are put into words.

Replies are still checked against the full schema. Keywords that a dialect does not support move into the
`description` of their node; the `$comment` of a rule is used if it has one.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from callsheet.llm.provider_capabilities import BOUNDS, SCHEMA_SUPPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.llm.provider_capabilities import Form, SchemaSupport

Node = dict[str, Any]

CHARACTERS_PER_TOKEN = 3.0
"""Of the densest text that a prompt has, such as tags with weights; English prose has 4 to 5."""

UNBOUNDED_TOKENS = 700
"""Tokens of a value whose schema names no longest length."""

FRAME_TOKENS = 24
"""Tokens of the name of a value and of what stands around it."""

WORDS = "x-words"
"""A keyword of ours: the most words that a group's instructions ask for."""

CHARACTERS_PER_WORD = 8
"""With the space behind it; English has 6, so that a quarter remains for what goes beyond."""

_SILENT = frozenset({"title", "default", "examples", "deprecated", "readOnly", "writeOnly"})
"""Keywords without a rule, which are dropped."""

_FOLDED = frozenset({"type", "description", "enum", "const", "items", "anyOf", "format"})
"""Keywords that a node takes over from parts of its `allOf`."""

_UNWORDED = _SILENT | {"type", "description", "enum", "const", "format", "additionalProperties"}
"""Keywords that are not put into words; a format is explained by the description beside it."""

_COUNTED: Mapping[str, str] = {
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
}


def adapt_schema(
    schema: Mapping[str, JsonValue], form: Form, message: str | None = None
) -> dict[str, JsonValue]:
    """The schema for the dialect or engine, its properties in the same order.

    With the `message` that is sent beside it, an enforced `maxLength` is lowered to the words that the
    instructions ask for (`x-words`), as a weak LLM writes until it is stopped; but never below the
    message's own length.
    """
    if message is None:
        return _adapted(json.dumps(schema), form)
    return _Adapter(dict(schema), SCHEMA_SUPPORT[form], len(message)).whole()


@lru_cache(maxsize=64)
def _adapted(schema: str, form: Form) -> Node:
    """The same for a schema as JSON, remembered: the rows of a batch ask with the same one, mostly."""
    return _Adapter(json.loads(schema), SCHEMA_SUPPORT[form], None).whole()


def count_texts(adapted: Mapping[str, JsonValue]) -> int:
    """How many values a reply to an adapted schema has; a list counts as one."""
    return _total(adapted, dict(adapted), (), lambda _: 1)


def longest_reply(schema: Mapping[str, JsonValue]) -> int:
    """Tokens of the longest reply that a schema allows, names and punctuation included."""
    return FRAME_TOKENS + _total(schema, dict(schema), (), _longest_value)


def _total(node: Any, root: Node, seen: tuple[str, ...], size: Callable[[Node], int]) -> int:
    """The sizes of all values of a schema; of alternatives, the largest one counts."""
    if not isinstance(node, dict):
        return size({})
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        return _total(_find(reference, root), root, (*seen, reference), size)
    if isinstance(properties := node.get("properties"), dict):
        return sum(_total(child, root, seen, size) for child in properties.values())
    if choices := node.get("anyOf"):
        return max(_total(choice, root, seen, size) for choice in choices)
    return _total(node["items"], root, seen, size) if "items" in node else size(node)


def _longest_value(node: Node) -> int:
    longest = node.get("maxLength")
    if isinstance(longest, int):
        return FRAME_TOKENS + math.ceil(longest / CHARACTERS_PER_TOKEN)
    if values := node.get("enum"):
        return FRAME_TOKENS + max(len(str(value)) for value in values)
    return FRAME_TOKENS + UNBOUNDED_TOKENS


def _find(reference: str, root: Node) -> Any:
    """The node of a reference within the schema, or None."""
    node: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _is_cyclic(reference: str, root: Node) -> bool:
    """Whether the node of a reference refers back to it."""
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
    """Adapts one schema; keeps its root to resolve references."""

    def __init__(self, root: Node, rules: SchemaSupport, least: int | None) -> None:
        self.root = root
        self.rules = rules
        self.least = least

    def whole(self) -> Node:
        adapted = self.node(
            {name: part for name, part in self.root.items() if name not in ("$defs", "definitions")}
        )
        for home in ("$defs", "definitions"):
            if isinstance(parts := self.root.get(home), dict):
                adapted[home] = {name: self.node(part) for name, part in parts.items()}
        return adapted

    def node(self, node: Any, seen: tuple[str, ...] = ()) -> Node:
        if not isinstance(node, dict):
            return {}
        if set(node) <= {"$ref", "$comment"} and self._keeps(node.get("$ref")):
            return {"$ref": node["$ref"]}
        flat, words = self._flat(node, seen)
        if "$ref" in node:
            seen = (*seen, node["$ref"])
        adapted: Node = {}
        for keyword, value in flat.items():
            if keyword in _SILENT or keyword.startswith(("$", "x-")):
                continue
            self._take(keyword, value, flat, adapted, words)
        self._shape(flat, adapted, seen)
        if description := _described(str(flat.get("description", "")), words):
            adapted["description"] = description
        return adapted

    def _keeps(self, reference: Any) -> bool:
        """Whether a reference can stay: its definition exists, and the dialect resolves its kind."""
        if not isinstance(reference, str) or not isinstance(_find(reference, self.root), dict):
            return False
        if re.match(r"#(/(\$defs|definitions)/[^/]+)?$", reference) is None:
            return False
        wanted = self.rules.references
        return wanted == "any" or (wanted == "cyclic") == _is_cyclic(reference, self.root)

    def _flat(self, node: Node, seen: tuple[str, ...]) -> tuple[Node, list[str]]:
        """The node with `$ref` and `allOf` merged in, and the rules that could only be put into words."""
        flat = {name: value for name, value in node.items() if name not in ("$ref", "allOf")}
        parts = list(node.get("allOf", ()))
        if isinstance(reference := node.get("$ref"), str):
            target = _find(reference, self.root)
            # A cyclic reference is replaced by its type alone.
            kind = target.get("type", "object") if isinstance(target, dict) else "string"
            parts.insert(0, {"type": kind} if reference in seen else target)
            seen = (*seen, reference)
        words: list[str] = []
        for part in parts:
            if not isinstance(part, dict):
                continue
            more, more_words = self._flat(part, seen)
            words += more_words
            _fold(more, flat, words)
        return flat, words

    def _take(self, keyword: str, value: Any, flat: Node, adapted: Node, words: list[str]) -> None:
        """Puts one keyword into the adapted node, or into words."""
        match keyword:
            case "type" if isinstance(value, list) and not self.rules.type_lists:
                adapted["anyOf"] = [{"type": one} for one in value]
            case "enum" | "const" if not self._lists(value if keyword == "enum" else [value]):
                words.append(f"One of: {json.dumps(value, ensure_ascii=False)}.")
            case "const":
                adapted["enum"] = [value]
            case "type" | "description" | "enum":
                adapted[keyword] = value
            case "properties" | "required" | "additionalProperties" | "items" | "anyOf" | "oneOf":
                pass
            case "maxLength" if self._enforces(keyword, value, flat):
                adapted[keyword] = self._longest(value, flat.get(WORDS))
            case _ if self._enforces(keyword, value, flat):
                adapted[keyword] = value
            case _:
                words.extend(_words(keyword, value, flat))

    def _longest(self, longest: int, words: Any) -> int:
        if self.least is None or not isinstance(words, int):
            return longest
        return min(longest, max(words * CHARACTERS_PER_WORD, self.least))

    def _enforces(self, keyword: str, value: Any, flat: Node) -> bool:
        if keyword not in self.rules.keywords:
            return False
        match keyword:
            case "format":
                return value in self.rules.formats
            case "pattern":
                return _is_whole(value)
            case "minItems":
                return self.rules.max_min_items is None or value <= self.rules.max_min_items
            case _:
                return keyword not in BOUNDS or flat.get("type") in self.rules.bounded

    def _lists(self, values: Any) -> bool:
        """Whether the dialect accepts an enum of these values."""
        return all(isinstance(v, self.rules.enumerated) and not self._is_odd(v) for v in values)

    def _is_odd(self, value: Any) -> bool:
        # In Python, True is an int.
        return isinstance(value, bool) and self.rules.enumerated != (object,)

    def _shape(self, flat: Node, adapted: Node, seen: tuple[str, ...]) -> None:
        """Sets type and children of the node; objects are closed and require all properties."""
        properties = flat.get("properties")
        choices = flat.get("anyOf") or flat.get("oneOf")
        # Beside properties, engines ignore or refuse it.
        if choices and not properties:
            adapted["anyOf"] = [self.node(part, seen) for part in choices]
        if isinstance(properties, dict) or flat.get("type") == "object":
            children = {name: self.node(part, seen) for name, part in (properties or {}).items()}
            adapted |= {"type": "object", "properties": children}
            adapted |= {"required": list(children), "additionalProperties": False}
            if self.rules.ordering:
                adapted["propertyOrdering"] = list(children)
        elif "items" in flat or flat.get("type") == "array":
            adapted |= {"type": "array", "items": self.node(flat.get("items", {}), seen)}
            adapted["items"] = adapted["items"] or {"type": "string"}
        elif not {"type", "anyOf"} & set(adapted):
            adapted["type"] = _type_of(adapted.get("enum"))


def _fold(part: Node, into: Node, words: list[str]) -> None:
    """Merges one part of an `allOf` into the node: its structure as it is, other rules in words."""
    for keyword, value in part.items():
        match keyword:
            case "properties":
                into["properties"] = {**into.get("properties", {}), **value}
            case "required":
                into["required"] = [*into.get("required", []), *value]
            case _ if keyword in into or keyword not in _FOLDED:
                words.extend(_words(keyword, value, part))
            case _:
                into[keyword] = value


def _words(keyword: str, value: Any, node: Node) -> Iterator[str]:
    """A rule as a sentence, if it needs one."""
    match keyword:
        case _ if keyword in _COUNTED:
            yield _COUNTED[keyword].format(value)
        case "pattern":
            yield _comment(node) or f"Must match the regular expression `{value}`."
        case "not":
            yield _comment(value) or _comment(node) or _not(value)
        case _ if keyword not in _UNWORDED and not keyword.startswith(("$", "x-")):
            yield f"{keyword}: {json.dumps(value, ensure_ascii=False)}."


def _comment(node: Any) -> str:
    """The `$comment` of a rule as a sentence, or an empty text."""
    comment = node.get("$comment") if isinstance(node, dict) else None
    if not isinstance(comment, str) or not comment.strip():
        return ""
    comment = comment.strip()
    return comment[0].upper() + comment[1:] + ("" if comment.endswith((".", "!", "?")) else ".")


def _not(value: Any) -> str:
    if isinstance(value, dict) and isinstance(what := value.get("description"), str):
        return f"Without {what.rstrip('.')}."
    if isinstance(value, dict) and set(value) == {"pattern"}:
        return f"Must not match the regular expression `{value['pattern']}`."
    if isinstance(value, dict) and (listed := value.get("enum") or [value.get("const")]) != [None]:
        return f"Must not be {' or '.join(json.dumps(one, ensure_ascii=False) for one in listed)}."
    return f"Must not fit {json.dumps(value, ensure_ascii=False)}."


def _described(description: str, words: list[str]) -> str:
    """The description, extended by the sentences that it does not contain yet."""
    sentences = [one for one in dict.fromkeys(words) if one not in description]
    if description and sentences and not description.endswith((".", "!", "?", ":")):
        description += "."
    return " ".join([description, *sentences]).strip()


def _is_whole(pattern: str) -> bool:
    """Whether a pattern is regular and matches the whole text.

    Some engines match any pattern against the whole text, so that a word to be found anywhere would have
    to be the whole text. They do not support lookaround, flags, word boundaries and back-references.
    """
    anchored = pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern
    return anchored and not re.search(r"\(\?(?!:)|\\[bB1-9AZz]", pattern)


def _type_of(values: Any) -> Any:
    """The common type of an enum's values; `string` if there is none."""
    names = {bool: "boolean", str: "string", int: "integer", float: "number"}
    found = {names.get(type(value), "string") for value in values or ()}
    return found.pop() if len(found) == 1 else "string"
