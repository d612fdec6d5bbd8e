"""Finds what keeps single model groups from being used: missing files, wrong schemas, lines to write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callsheet.catalog.instructions import find_todo_lines, instructions_path
from callsheet.catalog.schemas import schema_path
from callsheet.errors import GroupProblem
from callsheet.modules.support.drafts import drafts_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from callsheet.catalog.groups import Group
    from callsheet.errors import Problem
    from callsheet.modules.contract import Resources

CONFIG = "config.json"


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
