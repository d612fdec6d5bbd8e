"""Merges the selected groups' schemas into the one strict schema of the reply."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import JsonValue

from callsheet.catalog.rules import narrow
from callsheet.catalog.schemas import (
    WRAPPER,
    clashes,
    merge_schemas,
    read_schema,
    schema_path,
    unknown_formats,
    unknown_prompts,
    unlike,
    with_choices,
    wrong_shape,
)
from callsheet.errors import GroupProblem, Problem, WorkflowError
from callsheet.modules.contract import (
    Done,
    Module,
    ModuleContext,
    Outcome,
    Resources,
    StaticInputs,
    Values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Inputs(Values):
    """Each group's schema file, and the selected groups.

    Without `group_schemas`, a group's file is `schemas/<category>/<group>_schema.json`. With
    `only_models`, the other models of the selected groups are left out. `choices` are values for
    the LLM to choose, by name: each stands before the prompts, so that it is decided first.
    """

    group_schemas: dict[str, str] | None = None
    selected_groups: list[str]
    only_models: list[str] | None = None
    choices: dict[str, list[str]] | None = None


class Outputs(Values):
    """The schema of a reply with exactly the selected groups' models."""

    merged_schema: dict[str, JsonValue]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Reads the selected groups' files; raises WorkflowError for one that cannot be merged."""
    schema = build(inputs, context.resources)
    return Done(Outputs(merged_schema=with_choices(schema, inputs.choices or {})))


def build(inputs: Inputs, resources: Resources) -> dict[str, JsonValue]:
    """The schema of a reply with the selected groups' models, in the order of the config."""
    paths, models = inputs.group_schemas, inputs.only_models
    return _built(
        resources,
        tuple(inputs.selected_groups),
        None if paths is None else tuple(paths.items()),
        None if models is None else frozenset(models),
    )


@lru_cache(maxsize=64)
def _built(
    resources: Resources,
    groups: tuple[str, ...],
    paths: tuple[tuple[str, str], ...] | None,
    models: frozenset[str] | None,
) -> dict[str, JsonValue]:
    """The same, remembered: the rows of a batch select the same groups, mostly."""
    schemas: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for group in resources.catalog.in_order(groups):
        path = _path(resources, None if paths is None else dict(paths), group)
        if path is None or not resources.files.has(path):
            problems.append(_missing(group, path))
            continue
        schemas[path] = read_schema(resources.files.read(path), path)
    if problems:
        raise WorkflowError(problems)
    merged = merge_schemas(schemas)
    return merged if models is None else narrow(merged, {(WRAPPER, model) for model in models})


def _path(resources: Resources, paths_by_group: Mapping[str, str] | None, group: str) -> str | None:
    if paths_by_group is not None:
        return paths_by_group.get(group)
    return schema_path(resources.catalog.group(group).category, group)


def _missing(group: str, path: str | None) -> Problem:
    if path is None:
        message = f"the group `{group}` has no schema here"
        return GroupProblem("", f".group_schemas.{group}", message, group=group)
    message = f"the schema of the group `{group}` is missing"
    return GroupProblem(path, "", message, "write this file", group)


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """Every group of the category needs a schema with exactly its config's models."""
    paths_by_group = inputs.get("group_schemas")
    paths = (
        {name: str(path) for name, path in paths_by_group.items()}
        if isinstance(paths_by_group, dict)
        else None
    )
    valid: dict[str, JsonValue] = {}
    for group in _groups(paths, resources):
        path = _path(resources, paths, group)
        if path is None or not resources.files.has(path):
            yield _missing(group, path)
            continue
        try:
            schema = read_schema(resources.files.read(path), path)
        except WorkflowError as error:
            yield from (_of_group(problem, group) for problem in error.problems)
            continue
        models = resources.catalog.group(group).models
        if problem := wrong_shape(schema, path) or unlike(models, schema, path, group):
            yield _of_group(problem, group)
        else:
            valid[path] = schema
            found = (*unknown_formats(schema, path), *unknown_prompts(schema, path))
            yield from (_of_group(each, group) for each in found)
    yield from clashes(valid)


def _of_group(problem: Problem, group: str) -> GroupProblem:
    return GroupProblem(problem.file, problem.path, problem.message, problem.hint, group)


def _groups(paths: Mapping[str, str] | None, resources: Resources) -> list[str]:
    """The groups that need a schema: all of each category that has one."""
    catalog = resources.catalog
    if paths is not None:
        return catalog.siblings(paths, "")
    there = [
        group.name
        for group in catalog.groups()
        if resources.files.has(schema_path(group.category, group.name))
    ]
    return catalog.siblings(there, "")


module = Module(Inputs, Outputs, run, check=check, paths=("group_schemas",), repeatable=True)
