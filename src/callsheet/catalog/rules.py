"""Checks a reply against its full schema, and describes each broken rule in words.

The words are ours: a validator's own message would repeat the whole prompt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from referencing import Registry

from callsheet.catalog.formats.banned import BANNED, banned
from callsheet.catalog.formats.format import NONE, severity_of
from callsheet.catalog.schema_validator import FormatRules, SchemaValidator
from callsheet.catalog.usable import NOTHING_SENT, unusable_texts
from callsheet.patterns import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jsonschema import ValidationError
    from pydantic import JsonValue

    from callsheet.catalog.formats.format import Others, Severity
    from callsheet.catalog.usable import SentText
    from callsheet.documents import RuleKind

Path = tuple[str, ...]

_NOTHING_ELSE: Registry[Any] = Registry()

ABOUT = "x-rules"
"""Beside keywords: for each that needs it, its `words`, its `source` with a date, and its `kind`."""


@dataclass(frozen=True)
class Finding:
    """A rule that a value breaks: where, which, and what would be right.

    `rule` is the schema's keyword, a named format's own rule (`midjourney-image: flag`), a rule of
    `usable`, `missing` where the value is not there at all, or `type` where it has another form.
    Its kind decides the severity; a warning alone is never sent back to the LLM. `unusable` is whether there is no usable prompt
    at all, rather than one that breaks a rule. `size` says how far a length is off, in characters.
    `source` says who states the rule, and when; it is empty where the schema alone does.
    """

    path: Path
    rule: str
    message: str
    severity: Severity = "error"
    kind: RuleKind = "limit"
    unusable: bool = False
    size: int = 0
    source: str = ""


def missing(path: Path) -> Finding:
    """The finding of a value that is not there."""
    return Finding(path, "missing", "is missing", unusable=True)


if TYPE_CHECKING:
    Find = Callable[[JsonValue], list[Finding]]


def build_validator(
    schema: Mapping[str, JsonValue], others: Others = NONE, source: SentText = NOTHING_SENT
) -> Find:
    """A function that returns the findings of a reply, in the order of the schema.

    `others` are texts that a format's rules may compare a prompt with, by name; `source` is what
    the LLM was sent, which no prompt may repeat.
    """
    find = _finder(schema, FormatRules("error", others))

    def found(reply: JsonValue) -> list[Finding]:
        lost = [
            Finding(path, rule, message, unusable=True)
            for path, rule, message in unusable_texts(reply, schema, source)
        ]
        # A rule of the schema may find the same text too short, but still usable.
        places = {(finding.path, finding.rule) for finding in lost}
        kept = [
            each
            for each in find(reply)
            if each.severity == "error" and (each.path, each.rule) not in places
        ]
        return sorted([*lost, *kept], key=lambda each: _position(each.path, asked))

    asked = leaves(dict(schema))

    return found


def find_errors(
    reply: JsonValue, schema: Mapping[str, JsonValue], others: Others = NONE
) -> list[Finding]:
    """The same for a single reply."""
    return build_validator(schema, others)(reply)


def find_warnings(
    reply: JsonValue, schema: Mapping[str, JsonValue], others: Others = NONE
) -> list[Finding]:
    """The warnings of a reply: what is advised, and what only a person can judge."""
    found = _finder(schema, FormatRules("warning", others))(reply)
    found += banned_things(reply, schema)
    # A text that is far too short is unusable, and not also a little too short.
    lost = {(path, rule) for path, rule, _ in unusable_texts(reply, schema, NOTHING_SENT)}
    return [f for f in found if f.severity == "warning" and (f.path, f.rule) not in lost]


def banned_things(reply: JsonValue, schema: Mapping[str, JsonValue]) -> Iterator[Finding]:
    """What the negative field of a prompt bans and its other fields show."""
    texts = {
        path: text for path in leaves(dict(schema)) if isinstance(text := pick(reply, path), str)
    }
    for path, text in texts.items():
        if len(path) < 3 or "negative" not in path[-1]:  # noqa: PLR2004  # wrapper, model, field
            continue
        shown = "\n".join(v for p, v in texts.items() if p[:-1] == path[:-1] and p != path)
        for entry in banned(text, shown):
            message = f"bans `{entry:.40}`, which the prompt shows; take it out"
            yield Finding(
                path, BANNED.name, message, "warning", BANNED.kind, source=BANNED.known_from
            )


def _finder(schema: Mapping[str, JsonValue], formats: FormatRules) -> Find:
    # Without a registry of ours, a `$ref` to an address would be fetched.
    validator = SchemaValidator(schema, registry=_NOTHING_ELSE, format_checker=formats)
    asked = leaves(dict(schema))

    def found(reply: JsonValue) -> list[Finding]:
        formats.seconds_left = SECONDS
        try:
            errors = list(validator.iter_errors(reply))
        except RecursionError:
            return [Finding((), "type", "is nested too deeply")]
        findings = {finding: None for error in errors for finding in _findings(error, formats)}
        # What is not of the right type has no text that other rules could judge.
        wrong = {finding.path for finding in findings if finding.rule == "type"}
        told = (each for each in findings if each.rule == "type" or each.path not in wrong)
        return sorted(told, key=lambda finding: _position(finding.path, asked))

    return found


def _position(path: Path, asked: list[Path]) -> int:
    near = (n for n, leaf in enumerate(asked) if leaf[: len(path)] == path[: len(leaf)])
    return next(near, len(asked))


def _findings(error: ValidationError, formats: FormatRules) -> Iterator[Finding]:
    # A list is one value: it is told, picked and mended as a whole.
    names = takewhile(lambda part: isinstance(part, str), error.absolute_path)
    path: Path = tuple(str(name) for name in names)
    rule = str(error.validator)
    limit: Any = error.validator_value
    value: Any = error.instance
    if rule == "required":
        # jsonschema reports each missing name as an error of its own, naming it in the text only.
        for name in limit:
            if name not in value and repr(name) in error.message:
                yield missing((*path, name))
    elif rule == "additionalProperties":
        extra = sorted(set(value) - set(_keyword(error.schema, "properties") or {}))
        yield Finding(path, rule, f"has entries nobody asked for: {', '.join(extra):.200}")
    elif rule in ("allOf", "anyOf", "oneOf") and error.context:
        yield from _nearest(error.context, formats)
    elif rule == "format" and (faults := formats.faults(value, limit)):
        for name, message in faults:
            found = Finding(path, f"{limit}: {name}", message, formats.severity)
            known = formats.rule(name, limit)
            yield replace(found, kind=known.kind, source=known.known_from) if known else found
    else:
        about = _about(error)
        kind = keyword_kind(about)
        yield Finding(
            path,
            rule,
            _words(error),
            severity_of(kind),
            kind,
            source=str(_keyword(about, "source") or ""),
            unusable=rule == "type",
            size=abs(len(value) - limit) if rule in ("minLength", "maxLength") else 0,
        )


def _nearest(context: Sequence[ValidationError], formats: FormatRules) -> Iterator[Finding]:
    """The findings of the alternatives that fit the value's type, or else of all of them."""
    branches: dict[str, list[Finding]] = {}
    for error in context:
        branches.setdefault(str(error.relative_schema_path[0]), []).extend(
            _findings(error, formats)
        )
    found = list(branches.values())
    usable = [each for each in found if not any(finding.unusable for finding in each)]
    for findings in usable or found:
        yield from findings


def _words(error: ValidationError) -> str:
    """The message of a finding: the schema's own words, or else words for the keyword."""
    limit: Any = error.validator_value
    size = len(error.instance) if isinstance(error.instance, (str, list)) else 0
    match str(error.validator):
        case "maxLength":
            return f"has {size:,} characters; at most {limit:,} are read"
        case "minLength":
            return f"has {size:,} characters; at least {limit:,} are needed"
        case "type":
            return f"must be of type {limit}"
        case "pattern":
            own = _own_words(error) or _keyword(error.schema, "$comment")
            return str(own or f"must match the pattern {limit}")
        case "not":
            own = _own_words(error) or _keyword(limit, "$comment")
            return str(own or f"must not match {_keyword(limit, 'pattern')}")
        case other:
            return f"breaks the rule {other}: {limit!s:.100}"


def _own_words(error: ValidationError) -> Any:
    """The schema's own message for a keyword."""
    return _keyword(_about(error), "words")


def keyword_kind(about: Any) -> RuleKind:
    """The kind that a schema gives a keyword in `x-rules`: `kind`, or else by its `source`."""
    ours = str(_keyword(about, "source") or "").startswith("ours")
    kind: RuleKind = _keyword(about, "kind") or ("house" if ours else "limit")
    return kind


def _about(error: ValidationError) -> Any:
    return _keyword(_keyword(error.schema, ABOUT), str(error.validator))


def _keyword(schema: Any, keyword: str) -> Any:
    return schema.get(keyword) if isinstance(schema, dict) else None


def pick(value: JsonValue, path: Path) -> JsonValue:
    """The value at a path, or None where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def narrow(schema: Mapping[str, JsonValue], paths: set[Path]) -> dict[str, JsonValue]:
    """The schema with only those properties that lead to, or are below, one of the paths."""
    return _narrowed(dict(schema), paths, ())


def _narrowed(node: dict[str, JsonValue], paths: set[Path], at: Path) -> dict[str, JsonValue]:
    properties = node.get("properties")
    if at in paths or not isinstance(properties, dict):
        return node
    kept: dict[str, JsonValue] = {}
    for name, child in properties.items():
        here = (*at, name)
        if any(path[: len(here)] == here for path in paths):
            kept[name] = _narrowed(child, paths, here) if isinstance(child, dict) else child
    return node | {"properties": kept, "required": list(kept)}


def without_extras(value: JsonValue, schema: JsonValue) -> JsonValue:
    """The value without properties that its schema does not allow."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    assert isinstance(schema, dict)  # noqa: S101  # it has properties
    closed = schema.get("additionalProperties") is False
    return {
        name: without_extras(item, properties.get(name))
        for name, item in value.items()
        if name in properties or not closed
    }


def overlay(value: JsonValue, patch: JsonValue) -> JsonValue:
    """The value with its leaves replaced by those of the patch."""
    if isinstance(value, dict) and isinstance(patch, dict):
        return value | {name: overlay(value.get(name), item) for name, item in patch.items()}
    return patch


def joined(values: Iterable[tuple[Path, JsonValue]]) -> dict[str, JsonValue]:
    """One object that holds these values at their paths."""
    whole: JsonValue = {}
    for path, value in values:
        leaf = value
        for name in reversed(path):
            leaf = {name: leaf}
        whole = overlay(whole, leaf)
    return whole if isinstance(whole, dict) else {}


def in_order(value: JsonValue, schema: JsonValue) -> JsonValue:
    """The value with its properties in the order of the schema."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    known = {
        name: in_order(value[name], node) for name, node in properties.items() if name in value
    }
    return known | {name: item for name, item in value.items() if name not in known}


def leaves(schema: JsonValue, at: Path = ()) -> list[Path]:
    """The paths of all values that a schema asks for."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return [at]
    return [leaf for name, child in properties.items() for leaf in leaves(child, (*at, name))]
