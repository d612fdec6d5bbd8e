"""Merges the schemas of the chosen groups into the one strict schema of the reply."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from callsheet.catalog.formats import BUILT_IN, is_known
from callsheet.catalog.rules import leaves
from callsheet.catalog.usable import DIFFERS
from callsheet.errors import Problem, WorkflowError, nearest_first
from callsheet.jsonc import NotJsonError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

WRAPPER = "prompts"
"""The one property of every reply: an object with a prompt for each model."""

_SHAPE = (
    f'`{{"properties": {{"{WRAPPER}": {{"properties": {{MODEL: …}}, "required": [MODEL, …]}}}}}}`'
)


@dataclass
class _Merge:
    models: dict[str, JsonValue] = field(default_factory=dict)
    required: list[JsonValue] = field(default_factory=list)
    definitions: dict[str, JsonValue] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def merge_schemas(schemas: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The strict schema of a reply with the models of all these files, in their order.

    `schemas` maps each file's name to its content. Raises WorkflowError where a file has another
    shape, or two files define the same model.
    """
    wrong = [problem for file, schema in schemas.items() if (problem := wrong_shape(schema, file))]
    if wrong:
        raise WorkflowError(wrong)
    merge = _merge(schemas)
    if merge.problems:
        raise WorkflowError(merge.problems)
    wrapper: dict[str, JsonValue] = {
        "type": "object",
        "properties": merge.models,
        "required": merge.required,
        "additionalProperties": False,
    }
    definitions: dict[str, JsonValue] = {"$defs": merge.definitions} if merge.definitions else {}
    return {
        "type": "object",
        "properties": {WRAPPER: wrapper},
        "required": [WRAPPER],
        "additionalProperties": False,
        **definitions,
    }


def with_choices(
    schema: dict[str, JsonValue], choices: Mapping[str, Sequence[str]]
) -> dict[str, JsonValue]:
    """The schema with an enum for each choice before the prompts; the same one without choices."""
    properties, offered = schema["properties"], {n: v for n, v in choices.items() if v}
    if not offered or not models_in(schema) or not isinstance(properties, dict):
        return schema
    nodes: dict[str, JsonValue] = {
        name: {
            "type": "string",
            "enum": [*values],
            "description": "Decided first, for every prompt.",
        }
        for name, values in offered.items()
    }
    return schema | {"properties": {**nodes, **properties}, "required": [*nodes, WRAPPER]}


def choices_in(schema: Mapping[str, JsonValue]) -> dict[str, list[str]]:
    """The values that a reply's schema leaves to choose beside the prompts, by name."""
    properties = schema.get("properties")
    return {
        name: [str(value) for value in values]
        for name, node in (properties.items() if isinstance(properties, dict) else ())
        if name != WRAPPER and isinstance(node, dict)
        if isinstance(values := node.get("enum"), list)
    }


def clashes(schemas: Mapping[str, JsonValue]) -> list[Problem]:
    """The models that two of these files define."""
    return _merge(schemas).problems


def read_schema(text: str, file: str) -> JsonValue:
    """A schema file's content; raises WorkflowError where it is not JSON."""
    try:
        return parse(text, file)
    except NotJsonError as error:
        raise WorkflowError([error.problem]) from error


def models_in(schema: JsonValue) -> dict[str, JsonValue]:
    """Each model of a reply's schema with its own schema; empty where there are none."""
    node = schema
    for name in ("properties", WRAPPER, "properties"):
        node = node.get(name) if isinstance(node, dict) else None
    return dict(node) if isinstance(node, dict) else {}


def described(node: JsonValue) -> Iterator[str]:
    """The descriptions and examples in a schema, which the LLM is sent."""
    if isinstance(node, list):
        for item in node:
            yield from described(item)
    if isinstance(node, dict):
        for key, item in node.items():
            if key == "description" and isinstance(item, str):
                yield item
            elif key == "examples" and isinstance(item, list):
                yield from (example for example in item if isinstance(example, str))
            elif key not in ("not", "x-rules"):
                yield from described(item)


def wrong_shape(schema: Any, file: str) -> Problem | None:
    """The problem that prevents a schema file from being merged, if there is one."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    wrapper = properties.get(WRAPPER) if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or set(properties) != {WRAPPER}:
        return Problem(file, "$.properties", f"must be the object `{WRAPPER}` alone", _SHAPE)
    models = models_in(schema)
    if not models or not all(isinstance(model, dict) for model in models.values()):
        return Problem(file, f"$.properties.{WRAPPER}", "holds no models", _SHAPE)
    required = wrapper.get("required") if isinstance(wrapper, dict) else None
    if not isinstance(required, list) or {str(name) for name in required} != set(models):
        return Problem(
            file,
            f"$.properties.{WRAPPER}.required",
            "must list exactly the models that `properties` has",
            _SHAPE,
        )
    outside = (target for target in _references(schema) if not target.startswith("#/$defs/"))
    return next((_nowhere(target, file) for target in outside), None) or invalid(schema, file)


def invalid(schema: dict[str, JsonValue], file: str) -> Problem | None:
    """The problem that makes a schema invalid, if there is one."""
    text = json.dumps(schema)
    if fault := _fault(text):
        return Problem(file, fault[0], f"not a valid JSON Schema: {fault[1]:.200}")
    if '"patternProperties":' in text and '"unevaluatedProperties":' in text:
        # The library would search for those patterns without a time limit.
        message = "`unevaluatedProperties` is not supported beside `patternProperties`"
        return Problem(file, "", message, "use `additionalProperties`")
    # An empty registry fetches nothing: a schema cannot make us read another file or address.
    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    for target in _references(schema):
        try:
            resolver.lookup(target)
        except Unresolvable:
            return _nowhere(target, file)
    done: set[str] = set()
    if any(_is_endless(target, resolver, (), done) for target in _references(schema)):
        message = "a `$ref` leads back to itself"
        return Problem(file, "", message, "refer to a definition that says what a value is")
    return None


def _is_endless(target: str, resolver: Any, above: tuple[str, ...], done: set[str]) -> bool:
    """Whether applying a reference to a value leads to the same reference for the same value."""
    if target in above:
        return True
    if target in done:
        return False
    done.add(target)
    below = [resolver.lookup(target).contents]
    for node in below:
        if isinstance(node, dict):
            for key in ("allOf", "anyOf", "oneOf"):
                below += node.get(key) or ()
            below += [node[key] for key in ("not", "if", "then", "else") if key in node]
            inner = node.get("$ref")
            if isinstance(inner, str) and _is_endless(inner, resolver, (*above, target), done):
                return True
    return False


@lru_cache(maxsize=256)
def _fault(text: str) -> tuple[str, str] | None:
    """Where a schema is invalid, and why; cached, since a run checks the same schemas repeatedly."""
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        return str(error.json_path), error.message
    return None


def unknown_formats(node: JsonValue, file: str, at: str = "$") -> Iterator[Problem]:
    """The formats in a schema that do not exist and would not be checked."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from unknown_formats(item, file, f"{at}[{number}]")
    if not isinstance(node, dict):
        return
    name = node.get("format")
    if isinstance(name, str) and not is_known(name):
        known = ", ".join(nearest_first(name, BUILT_IN))
        yield Problem(file, f"{at}.format", f"unknown format `{name:.80}`", f"known: {known}")
    for key, item in node.items():
        if key not in ("enum", "const", "examples", "default"):
            yield from unknown_formats(item, file, f"{at}.{key}")


def unknown_prompts(schema: JsonValue, file: str) -> Iterator[Problem]:
    """The names in `x-differs-from` that are no prompt of the same file."""
    known = [".".join(path[1:]) for path in leaves(schema)]
    for at, value in _values_of(DIFFERS, schema):
        names = value if isinstance(value, list) else [value]
        for name in names:
            if name not in known:
                message = f"`{name!s:.80}` is no prompt of this file"
                hint = f"known: {', '.join(nearest_first(str(name), known))}"
                yield Problem(file, at, message, hint)


def _values_of(key: str, node: JsonValue, at: str = "$") -> Iterator[tuple[str, JsonValue]]:
    if isinstance(node, dict):
        for name, item in node.items():
            if name == key:
                yield f"{at}.{name}", item
            yield from _values_of(key, item, f"{at}.{name}")


def _nowhere(target: str, file: str) -> Problem:
    message = f"`$ref` to {target!r:.100} leads nowhere"
    return Problem(file, "", message, "refer to `#/$defs/NAME` in the same file")


def _references(node: JsonValue) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(item, str):
                yield item
            else:
                yield from _references(item)


def _merge(schemas: Mapping[str, JsonValue]) -> _Merge:
    merge = _Merge()
    for file, schema in schemas.items():
        _add(merge, file, schema)
    return merge


def _add(merge: _Merge, file: str, schema: JsonValue) -> None:
    renamed = _add_definitions(merge, file, schema)
    for model, node in models_in(schema).items():
        if model in merge.owners:
            message = f"the model `{model}` is defined in {merge.owners[model]} too"
            path = f"$.properties.{WRAPPER}.properties.{model}"
            merge.problems.append(Problem(file, path, message, "a model has exactly one group"))
            continue
        merge.owners[model] = file
        merge.models[model] = _repoint(node, renamed)
        merge.required.append(model)


def _add_definitions(merge: _Merge, file: str, schema: JsonValue) -> dict[str, str]:
    """Takes in a file's `$defs`; where a name is taken by something else, all get names of their own.

    All, because one that looks the same may refer to one that is not.
    """
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    if not isinstance(definitions, dict):
        return {}
    stem = file.rpartition("/")[2].removesuffix(".json")
    clash = any(
        _text(merge.definitions.get(name, node)) != _text(node)
        for name, node in definitions.items()
    )
    while clash and any(f"{stem}_{name}" in merge.definitions for name in definitions):
        stem += "_"
    renamed = {name: f"{stem}_{name}" if clash else name for name in definitions}
    for name, node in definitions.items():
        merge.definitions[renamed[name]] = _repoint(node, renamed)
    return renamed


def _text(node: JsonValue) -> str:
    # To Python, 1 and True are equal; to a schema they are not.
    return json.dumps(node, sort_keys=True)


def _repoint(node: JsonValue, renamed: Mapping[str, str]) -> JsonValue:
    if isinstance(node, list):
        return [_repoint(item, renamed) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _repointed(key, item, renamed) for key, item in node.items()}


def _repointed(key: str, item: JsonValue, renamed: Mapping[str, str]) -> JsonValue:
    if key == "$ref" and isinstance(item, str) and item.startswith("#/$defs/"):
        name, slash, rest = item.removeprefix("#/$defs/").partition("/")
        return f"#/$defs/{renamed.get(name, name)}{slash}{rest}"
    return _repoint(item, renamed)


def schema_text(schema: Mapping[str, JsonValue]) -> str:
    """A schema as compact JSON, the form in which it is sent and counted."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def schema_path(category: str, group: str) -> str:
    """Where a group's schema is in the plan's file layout."""
    return f"schemas/{category}/{group}_schema.json"


def unlike(models: Sequence[str], schema: JsonValue, file: str, group: str) -> Problem | None:
    """The difference between the models of a group's schema and of its config entry, if there is one."""
    found = list(models_in(schema))
    if set(found) == set(models):
        return None
    return Problem(
        file,
        f"$.properties.{WRAPPER}.properties",
        f"has the models {', '.join(found)}; the config's group `{group}` has {', '.join(models)}",
        "name the same models in both",
    )
