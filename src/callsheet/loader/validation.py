"""Finds the problems of a workflow that can be known before a run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from callsheet.catalog.instructions import find_todo_lines, instructions_path
from callsheet.catalog.schemas import schema_path
from callsheet.errors import CallsheetError, GroupProblem, Problem, nearest_first
from callsheet.jsonc import place_and_words
from callsheet.modules.registry import find_module
from callsheet.modules.support.drafts import drafts_path
from callsheet.workflow.references import reads_state, state_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from callsheet.catalog.groups import Group
    from callsheet.modules.contract import Module, Resources
    from callsheet.workflow.definition import ModuleUse, WorkflowDefinition

CONFIG = "config.json"


def validate_workflow(definition: WorkflowDefinition, resources: Resources) -> list[Problem]:
    """Every problem, in the order of the files; nothing is executed."""
    problems: list[Problem] = []
    every = {key for _, use in _uses(definition) for key in use.outputs_to_state.values()}
    written: set[str] = set()
    for path, use in _uses(definition):
        found = _module_problems(use, resources, written, every)
        problems += [_placed(definition, path, problem) for problem in found]
        written |= set(use.outputs_to_state.values())
    results = definition.workflow.results
    for name in type(results).model_fields:
        problems += [
            definition.problem(f"$.results.{name}", *_unwritten(key, every))
            for key in state_keys(getattr(results, name))
            if key not in every
        ]
    # Two modules that read the same file find the same problems.
    return [*dict.fromkeys(problems)]


def _uses(definition: WorkflowDefinition) -> Iterator[tuple[str, ModuleUse]]:
    for number, step in enumerate(definition.workflow.steps):
        for index, use in enumerate(step.modules):
            yield f"$.steps[{number}].modules[{index}]", use


def _placed(definition: WorkflowDefinition, path: str, problem: Problem) -> Problem:
    """A module's problem with its file: the workflow's own where it names none."""
    if problem.file:
        return problem
    file, inner = definition.source.place(f"{path}{problem.path}")
    return replace(problem, file=file, path=inner)


def _module_problems(
    use: ModuleUse, resources: Resources, written: set[str], every: set[str]
) -> Iterator[Problem]:
    """The problems of one module; paths are relative to it."""
    try:
        module = find_module(use.module_id)
    except CallsheetError as error:
        yield Problem("", ".module_id", error.message, error.hint)
        return
    wrong = [
        *_inputs(use, module),
        *_outputs(use, module),
        *_state(use, module, written, every),
    ]
    yield from wrong
    if not wrong:
        try:
            for problem in module.check(use.inputs, resources):
                path = problem.path if problem.file else f".inputs{problem.path}"
                yield replace(problem, path=path)
        except CallsheetError as error:
            # A format of an installed package cannot be loaded.
            yield Problem("", ".inputs", error.message, error.hint)


def _inputs(use: ModuleUse, module: Module) -> Iterator[Problem]:
    fields = module.inputs.model_fields
    for name, value in use.inputs.items():
        if name not in fields:
            yield _unknown(".inputs", f"`{use.module_id}` has no input `{name}`", name, fields)
        elif name in module.paths and reads_state(value):
            yield Problem(
                "", f".inputs.{name}", "a path cannot come from the state", "write the path out"
            )
        elif not reads_state(value):
            yield from _literal(name, value, fields[name])
    for name, field in fields.items():
        if field.is_required() and name not in use.inputs:
            yield Problem("", ".inputs", f"`{use.module_id}` needs the input `{name}`")


def _literal(name: str, value: JsonValue, field: Any) -> Iterator[Problem]:
    try:
        TypeAdapter(field.annotation).validate_python(value)
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            path, words = place_and_words(detail)
            yield Problem("", f".inputs.{name}{path}", words)


def _outputs(use: ModuleUse, module: Module) -> Iterator[Problem]:
    fields = module.outputs.model_fields
    for name in use.outputs_to_state:
        if name not in fields:
            message = f"`{use.module_id}` has no output `{name}`"
            yield _unknown(".outputs_to_state", message, name, fields)


def _state(use: ModuleUse, module: Module, written: set[str], every: set[str]) -> Iterator[Problem]:
    """State keys that no module writes, or that a required input reads too early."""
    fields = module.inputs.model_fields
    for name, value in use.inputs.items():
        required = name in fields and fields[name].is_required()
        for key in dict.fromkeys(state_keys(value)):
            if key not in every:
                yield Problem("", f".inputs.{name}", *_unwritten(key, every))
            elif required and key not in written:
                message = f"`$state.{key}` is only written by a later module"
                yield Problem("", f".inputs.{name}", message, "move that module before this one")


def _unwritten(key: str, every: set[str]) -> tuple[str, str]:
    known = ", ".join(nearest_first(key, sorted(every))) or "none"
    return f"no module writes `$state.{key}`", f"written: {known}"


def _unknown(path: str, message: str, name: str, fields: dict[str, Any]) -> Problem:
    return Problem("", path, message, f"known: {', '.join(nearest_first(name, fields)) or 'none'}")


def group_problems(
    resources: Resources, problems: Iterable[Problem]
) -> dict[str, list[GroupProblem]]:
    """The problems of each group that has any: those found by modules, then lines still to write."""
    found: dict[str, list[GroupProblem]] = {}
    for problem in problems:
        if isinstance(problem, GroupProblem):
            found.setdefault(problem.group, []).append(problem)
    for group in resources.catalog.groups():
        if todos := [*_todos(resources, group)]:
            found.setdefault(group.name, []).extend(todos)
    return found


def group_files(group: Group) -> tuple[str, str, str]:
    """Where a group's instructions, schema and drafts are by default."""
    shared = f"prompts/{group.category}/_shared_instructions.txt"
    return (
        instructions_path(shared, group.name),
        schema_path(group.category, group.name),
        drafts_path(group.category, group.name),
    )


def _todos(resources: Resources, group: Group) -> Iterator[GroupProblem]:
    # The entry is read already; its line in the file is found by `callsheet check`.
    entry = json.dumps(vars(group), default=str, indent=1)
    for _, what in find_todo_lines(entry):
        path = f"$.model_groups.{group.category}.{group.name}"
        yield GroupProblem(CONFIG, path, f"still to be written: {what}", group=group.name)
    for file in group_files(group):
        for number, what in find_todo_lines(resources.files.read_if_there(file)):
            message = f"line {number}: still to be written: {what}"
            yield GroupProblem(file, "", message, group=group.name)
