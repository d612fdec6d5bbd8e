"""The verbs that look without running: groups, check, and lint for one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.app.building import own_instructions, schema_for
from callsheet.app.productions import DEFAULT, inspect_production, open_production
from callsheet.catalog.examples import examples_path, run_examples
from callsheet.catalog.rules import find, narrow, warn
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import InputError, Problem, WorkflowError
from callsheet.jsonc import NotJsonError, parse
from callsheet.meter.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.catalog.groups import Group
from callsheet.catalog.rules import Finding


def list_groups(workflow: str = DEFAULT) -> list[dict[str, Any]]:
    """Every group that can be chosen, with the tokens its instructions add (o200k)."""
    production = open_production(workflow)
    return [
        {
            "name": group.name,
            "category": group.category,
            "label": group.label,
            "description": group.description,
            "models": list(group.models),
            "tokens": _tokens(production, group),
            "closed": group.closed.model_dump() if group.closed else None,
        }
        for group in production.materials.catalog.groups()
    ]


def check(workflow: str = DEFAULT) -> list[Problem]:
    """Everything wrong with a workflow, its groups, schemas and examples; nothing of it is run."""
    try:
        production, problems = inspect_production(workflow)
    except WorkflowError as error:
        return list(error.problems)
    # Examples are judged by schemas: with a broken one they would only say so again.
    return problems or [*_examples(production)]


def _examples(production: Production) -> Iterator[Problem]:
    """The examples, where a group has some, that its rules do not judge as they say."""
    for group in production.materials.catalog.groups():
        file = examples_path(group.category, group.name)
        if not production.materials.files.has(file):
            continue
        try:
            schema = schema_for(production, [group.name])
        except InputError:
            # The workflow asks nothing of this group, so it has no rules here.
            continue
        yield from run_examples(production.materials.files.read(file), file, schema)


def lint(text: str, model: str, workflow: str = DEFAULT) -> list[Finding]:
    """What a prompt breaks of its model's rules, judged as it stands; warnings behind the errors."""
    production = open_production(workflow)
    group = production.materials.catalog.group_of(model)
    schema = narrow(schema_for(production, [group.name]), {(WRAPPER, model)})
    reply: JsonValue = {WRAPPER: {model: _prompt(text, model, schema)}}
    return find(reply, schema) + warn(reply, schema)


def _prompt(text: str, model: str, schema: dict[str, JsonValue]) -> JsonValue:
    """The text as the model's prompt: as it stands, or read as JSON where it must be an object."""
    node = models_in(schema)[model]
    if not isinstance(node, dict) or node.get("type") != "object":
        return text.removesuffix("\n")
    try:
        return parse(text, model)
    except NotJsonError as error:
        message = f"a prompt for `{model}` is a JSON object: {error.problem.message}"
        raise InputError(message, hint=f"its fields: {_fields(node)}") from error


def _fields(schema: dict[str, JsonValue]) -> str:
    properties = schema.get("properties")
    return ", ".join(properties) if isinstance(properties, dict) else "any"


def _tokens(production: Production, group: Group) -> int | None:
    """What a group adds to the instructions, or None where the workflow has none for it."""
    text = own_instructions(production, group)
    return None if text is None else count_tokens(text)
