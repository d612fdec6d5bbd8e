"""The verbs that look without running: groups, check, and lint for one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.app.building import own_instructions, schema_for
from callsheet.app.productions import CONFIG, DEFAULT, inspect_production, open_production
from callsheet.app.unfinished import unfinished
from callsheet.catalog.examples import examples_path, run_examples
from callsheet.catalog.rules import find, narrow, warn
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.catalog.upkeep import age, is_old
from callsheet.errors import InputError, Problem, WorkflowError
from callsheet.jsonc import NotJsonError, parse
from callsheet.meter.tokens import count_tokens

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.catalog.groups import Group
    from callsheet.catalog.rules import Finding


def list_groups(workflow: str = DEFAULT, *, today: dt.date) -> list[dict[str, Any]]:
    """Every group that can be chosen, the tokens its instructions add (o200k), and its age."""
    production = open_production(workflow)
    return [
        {
            "name": group.name,
            "category": group.category,
            "label": group.label,
            "description": group.description,
            "models": list(group.models),
            "tokens": _tokens(production, group),
            "version": group.version,
            **_upkeep(group, today),
            "settings": {model: list(lines) for model, lines in group.settings.items()},
        }
        for group in production.materials.catalog.groups()
    ]


def _upkeep(group: Group, today: dt.date) -> dict[str, Any]:
    return {
        "checked": group.checked.isoformat() if group.checked else None,
        "age": age(group.checked, today) if group.checked else None,
        "outdated": is_old(group.checked, today),
        "sources": [each.model_dump(mode="json") for each in group.sources],
        "closed": group.closed.model_dump(mode="json") if group.closed else None,
        "notice": group.closed.words(group.label) if group.closed else None,
    }


def outdated(workflow: str = DEFAULT, *, today: dt.date) -> list[Problem]:
    """The groups that nobody has held against their sources for too long."""
    try:
        production, _ = inspect_production(workflow)
    except WorkflowError:
        return []
    # What has closed changes no more.
    groups = (group for group in production.materials.catalog.groups() if not group.closed)
    return [_outdated(group, today) for group in groups if is_old(group.checked, today)]


def _outdated(group: Group, today: dt.date) -> Problem:
    sources = "; ".join(dict.fromkeys(str(source) for source in group.sources)) or "the vendor's"
    when = age(group.checked, today) if group.checked else ""
    return Problem(
        CONFIG,
        f"$.model_groups.{group.category}.{group.name}.checked",
        f"{group.label} was last checked {when}, on {group.checked}",
        f"read its sources again ({sources}), mend what has changed, and write the day here",
    )


def check(workflow: str = DEFAULT) -> list[Problem]:
    """Everything wrong with a workflow, its groups, schemas and examples; nothing of it is run."""
    try:
        production, problems = inspect_production(workflow)
    except WorkflowError as error:
        return list(error.problems)
    problems += unfinished(production, CONFIG)
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
