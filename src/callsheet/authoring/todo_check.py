"""Finds what is still to be written in new groups: every line that says `TODO:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.examples import examples_path
from callsheet.catalog.instructions import find_todo_lines
from callsheet.errors import Problem
from callsheet.loader.validation import group_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle


def find_todos(bundle: WorkflowBundle, config: str) -> Iterator[Problem]:
    """Each line that is still to be written, in the order in which a group is best written."""
    files = bundle.resources.files
    groups = list(bundle.resources.catalog.groups())
    paths = [config, *(path for group in groups for path in _paths(group))]
    for path in paths:
        for number, what in find_todo_lines(files.read_if_there(path)):
            yield Problem(path, "", f"line {number}: still to be written: {what}")


def _paths(group: Group) -> tuple[str, ...]:
    return (*group_files(group), examples_path(group.category, group.name))
