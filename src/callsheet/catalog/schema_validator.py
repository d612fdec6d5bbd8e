"""The keywords of JSON Schema with named formats, limits of time and work linear in a text's length."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import FormatError
from jsonschema.validators import extend

from callsheet.catalog.formats import find_format
from callsheet.catalog.formats.format import LONGEST, longest_checked
from callsheet.patterns import SECONDS, search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import JsonValue

    from callsheet.catalog.formats.format import Fault, Others, Rule, Severity


class FormatRules(FormatChecker):
    """Checks named formats: the rules of one severity, with the texts to compare with.

    `seconds_left` is how long the patterns of a reply may still be searched for, all together.
    """

    def __init__(self, severity: Severity, others: Others) -> None:
        super().__init__(formats=())
        self.severity = severity
        self.seconds_left = SECONDS
        self._others = others

    def faults(self, text: str, name: str) -> list[Fault]:
        named = find_format(name)
        return named.faults(text, self.severity, self._others) if named else []

    def rule(self, rule: str, name: str) -> Rule | None:
        named = find_format(name)
        return named.rule(rule) if named else None

    def check(self, instance: object, format: str) -> None:  # noqa: A002  # the library's word
        if isinstance(instance, str) and self.faults(instance, format):
            raise FormatError(format)


LEAST_SECONDS = 0.1
"""What each pattern has, however long the others took."""


def _matches(validator: Any, pattern: str, text: str) -> bool:
    limits, began = validator.format_checker, time.thread_time()
    try:
        return search(pattern, text, seconds=max(limits.seconds_left, LEAST_SECONDS))
    finally:
        limits.seconds_left -= time.thread_time() - began


def _pattern(validator: Any, pattern: str, text: Any, schema: Any) -> Iterator[ValidationError]:
    del schema
    if isinstance(text, str) and not _matches(validator, pattern, text):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], value: Any, schema: Any
) -> Iterator[ValidationError]:
    del schema
    for name, item in value.items() if isinstance(value, dict) else ():
        for pattern, node in patterns.items():
            if _matches(validator, pattern, name):
                yield from validator.descend(item, node, path=name, schema_path=pattern)


def _extra_names(validator: Any, value: Any, schema: Any) -> list[str]:
    patterns = schema.get("patternProperties", {})
    return [
        name
        for name in value
        if name not in schema.get("properties", {})
        and not any(_matches(validator, pattern, name) for pattern in patterns)
    ]


def _additional_properties(
    validator: Any, node: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    extra = _extra_names(validator, value, schema) if isinstance(value, dict) else []
    if isinstance(node, dict):
        for name in extra:
            yield from validator.descend(value[name], node, path=name)
    elif extra and not node:
        yield ValidationError("has more entries")


def _unique_items(
    validator: Any, unique: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    del validator, schema
    if unique and isinstance(value, list):
        # To Python, 1 and True are equal; to a schema they are not, but 1 and 1.0 are.
        texts = {json.dumps(_whole_numbers(item), sort_keys=True) for item in value}
        if len(texts) < len(value):
            yield ValidationError("has an entry twice")


def _whole_numbers(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole_numbers(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _of_length(keyword: Callable[..., Any]) -> Callable[..., Any]:
    """The keyword for texts that are not far too long; of any other, only the length is told."""

    def check(validator: Any, limit: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if not isinstance(value, str) or len(value) <= longest_checked(schema):
            yield from keyword(validator, limit, value, schema) or ()
        elif "maxLength" not in schema:
            yield ValidationError("is long", validator="maxLength", validator_value=LONGEST)

    return check


_KEYWORDS = {
    **Draft202012Validator.VALIDATORS,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""Those that the library applies with `re`, or in a time that grows with the square, are ours."""

_BY_LENGTH = {
    name: keyword if name in ("maxLength", "type") else _of_length(keyword)
    for name, keyword in _KEYWORDS.items()
}

SchemaValidator: Any = cast("Any", extend)(Draft202012Validator, _BY_LENGTH)
