"""Finds what is still to be written in groups that were begun: every line that says `TODO:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.examples import examples_path
from callsheet.catalog.instructions import instructions_path, still_to_write
from callsheet.catalog.schemas import schema_path
from callsheet.errors import Problem
from callsheet.modules.drafts import drafts_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle


def find_todos(bundle: WorkflowBundle, config: str) -> Iterator[Problem]:
    """Each line that waits for its words, in the order in which a group is best written."""
    files = bundle.resources.files
    groups = list(bundle.resources.catalog.groups())
    paths = [config, *(path for group in groups for path in _paths(group))]
    for path in paths:
        for number, what in still_to_write(files.read_if_there(path)):
            yield Problem(path, "", f"line {number}: still to be written: {what}")


def _paths(group: Group) -> tuple[str, ...]:
    home = f"prompts/{group.category}/_shared_instructions.txt"
    return (
        instructions_path(home, group.name),
        schema_path(group.category, group.name),
        drafts_path(group.category, group.name),
        examples_path(group.category, group.name),
    )
