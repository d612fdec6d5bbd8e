"""Builds the instructions from the shared file and the selected groups' files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.instructions import (
    find_todo_lines,
    find_wrong_marks,
    instructions_for_models,
    instructions_path,
    join_instructions,
)
from callsheet.errors import GroupProblem, InputError, Problem, WorkflowError
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
    """The shared file, each group's file, and the selected groups.

    Without `group_instructions`, a group's file is `<group>_instructions.txt` beside the shared one.
    With `only_models`, the parts of other models are left out.
    """

    shared_instructions_path: str
    group_instructions: dict[str, str] | None = None
    selected_groups: list[str]
    only_models: list[str] | None = None


class Outputs(Values):
    """The shared instructions, then each selected group's, one blank line between."""

    merged_prompt: str


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Reads the selected groups' files; a missing or unfinished one is an error."""
    if todos := [*_todo_lines(inputs, context.resources)]:
        raise WorkflowError(todos)
    return Done(Outputs(merged_prompt=build(inputs, context.resources)))


def _todo_lines(inputs: Inputs, resources: Resources) -> Iterator[Problem]:
    """What is still to be written in the instructions of the selected groups."""
    for group in inputs.selected_groups:
        path = _path(inputs.shared_instructions_path, inputs.group_instructions, group)
        for number, what in find_todo_lines(resources.files.read_if_there(path)):
            hint = "`callsheet check` leads through what a new group still needs"
            yield Problem(path or "", "", f"line {number} is still to be written: {what}", hint)


def build(inputs: Inputs, resources: Resources) -> str:
    """The instructions for the selected groups; raises WorkflowError naming a missing file."""
    shared = resources.files.read(inputs.shared_instructions_path)
    texts = []
    for group in resources.catalog.in_order(inputs.selected_groups):
        path = _path(inputs.shared_instructions_path, inputs.group_instructions, group)
        if path is None or not resources.files.has(path) or not resources.files.read(path).strip():
            raise WorkflowError([_missing(group, path)])
        text, models = resources.files.read(path), resources.catalog.group(group).models
        only = models if inputs.only_models is None else inputs.only_models
        texts.append(instructions_for_models(text, models, only))
    return join_instructions(shared, texts)


def _path(shared: str, paths_by_group: Mapping[str, str] | None, group: str) -> str | None:
    return instructions_path(shared, group) if paths_by_group is None else paths_by_group.get(group)


def _missing(group: str, path: str | None) -> Problem:
    if path is None:
        message = f"the group `{group}` has no instructions here"
        return GroupProblem("", f".group_instructions.{group}", message, group=group)
    message = f"the instructions of the group `{group}` are missing or empty"
    return GroupProblem(path, "", message, "write this file", group)


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """The shared file, and a file for every group of the category, must exist."""
    shared, paths_by_group = (
        str(inputs.get("shared_instructions_path")),
        inputs.get("group_instructions"),
    )
    try:
        resources.files.read(shared)
    except InputError as error:
        yield Problem("", ".shared_instructions_path", error.message, error.hint)
    paths = (
        {name: str(path) for name, path in paths_by_group.items()}
        if isinstance(paths_by_group, dict)
        else None
    )
    folder = shared.rpartition("/")[0].rpartition("/")[2]
    for group in resources.catalog.siblings(paths or {}, folder):
        path = _path(shared, paths, group)
        if path is None or not resources.files.has(path) or not resources.files.read(path).strip():
            yield _missing(group, path)
            continue
        for number, message in find_wrong_marks(
            resources.files.read(path), resources.catalog.group(group).models
        ):
            yield GroupProblem(path, "", f"line {number} {message}", group=group)


module = Module(
    Inputs,
    Outputs,
    run,
    check=check,
    paths=("shared_instructions_path", "group_instructions"),
    repeatable=True,
)
