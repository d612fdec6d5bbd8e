"""Lints one prompt: which rules it breaks, where, and what autofix can correct."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callsheet.catalog.autofix import autofix_all
from callsheet.catalog.idea import VOCABULARY, IdeaCheck, find_lost
from callsheet.catalog.rules import Finding, find_errors, find_warnings, narrow, pick
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import InputError, UnknownNameError
from callsheet.exports.syntax import FORMS, misread
from callsheet.jsonc import NotJsonError, parse
from callsheet.loader.bundle import DEFAULT_WORKFLOW, load_workflow
from callsheet.loader.rendering import render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.catalog.rules import Path


def lint_with_autofix(
    text: str | Mapping[str, str],
    model: str,
    workflow: str = DEFAULT_WORKFLOW,
    idea: str = "",
    tools: Sequence[str] = (),
) -> dict[str, Any]:
    """The findings of `callsheet lint`, and the corrected text; None where nothing can be corrected."""
    written = text if isinstance(text, str) else json.dumps(dict(text))
    found = lint(written, model, workflow, idea, tools)
    bundle = load_workflow(workflow)
    group = bundle.resources.catalog.group_of(model)
    schema = render_schema(bundle, [group.name])
    prompt: JsonValue = text if isinstance(text, str) else dict(text)
    fixed = pick(autofix_all({WRAPPER: {model: prompt}}, schema), (WRAPPER, model))
    return {
        "model": model,
        "findings": [
            {
                "path": ".".join(each.path[1:]),
                "rule": each.rule,
                "kind": each.kind,
                "message": each.message,
                "source": each.source,
                "severity": each.severity,
                "start": getattr(each, "start", None),
                "end": getattr(each, "end", None),
            }
            for each in found
        ],
        "mended": None if fixed == prompt else fixed,
    }


def lint(
    text: str,
    model: str,
    workflow: str = DEFAULT_WORKFLOW,
    idea: str = "",
    tools: Sequence[str] = (),
) -> list[Finding]:
    """The findings of a prompt as it stands, errors before warnings; also by an idea, if one is given.

    `tools` are export forms: what their tools would not read as text is a warning. Without them, they
    are those that the group names. Of a prompt with several fields, text that is no JSON object is
    the first field, judged alone.
    """
    bundle = load_workflow(workflow)
    group = bundle.resources.catalog.group_of(model)
    schema = narrow(render_schema(bundle, [group.name]), {(WRAPPER, model)})
    prompt: JsonValue = text.removesuffix("\n")
    if fields := _fields(models_in(schema)[model]):
        if text.lstrip().startswith("{"):
            prompt = _parsed(text, model, fields)
        else:
            prompt = {fields[0]: prompt}
            schema = narrow(schema, {(WRAPPER, model, fields[0])})
    reply: JsonValue = {WRAPPER: {model: prompt}}
    vocabulary = bundle.resources.files.read_if_there(VOCABULARY)
    lost = find_lost(reply, schema, IdeaCheck(idea, vocabulary=vocabulary))
    found = [*find_errors(reply, schema), *find_warnings(reply, schema), *lost]
    known = {(each.path, each.rule.partition(": ")[2]) for each in found}
    read = _misread(reply, tools or group.tools)
    found += [each for each in read if (each.path, each.rule.partition(": ")[2]) not in known]
    return sorted(found, key=lambda each: each.severity != "error")


def _misread(value: JsonValue, tools: Sequence[str], path: Path = ()) -> Iterator[Finding]:
    """What these tools would not read as text, in each text of a reply."""
    for tool in tools:
        if tool not in FORMS:
            raise UnknownNameError("tool", tool, FORMS)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _misread(inner, tools, (*path, name))
    elif isinstance(value, str):
        for tool in tools:
            for syntax, message in misread(value, tool):
                rule, source = f"{tool}: {syntax.name}", f"{syntax.source}, {syntax.date}"
                yield Finding(path, rule, message, "warning", "form", source=source)


def _fields(schema: JsonValue) -> list[str]:
    """The names of a prompt's fields; empty where it is one text."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return [*properties] if isinstance(properties, dict) else []


def _parsed(text: str, model: str, fields: list[str]) -> JsonValue:
    try:
        return parse(text, model)
    except NotJsonError as error:
        message = f"a prompt for `{model}` is a JSON object or plain text: {error.problem.message}"
        raise InputError(message, hint=f"its fields: {', '.join(fields)}") from error
