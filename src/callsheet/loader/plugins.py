"""Finds model groups that an installed package brings, for workflows that take guests.

A package names itself with an entry point of the group `callsheet.groups`; its value is the package
whose folder holds `config.json` and the groups' files, laid out as in a workflow. Nothing of it is
imported: groups are data.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import InputError, Problem, WorkflowError
from callsheet.workflow.folder import folder_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY_POINTS = "callsheet.groups"
"""The entry point group: a name is the pack's, its value a package's."""

CONFIG = "config.json"


@dataclass(frozen=True)
class GroupPlugin:
    """A pack of groups: what it is called, the folder it stands in, and what its config says."""

    name: str
    folder: Path
    config: str

    @property
    def file(self) -> str:
        """How messages call its config."""
        return f"{self.name}/{CONFIG}"


def find_group_plugins() -> list[GroupPlugin]:
    """Every installed pack, by name; raises WorkflowError for those that cannot be read."""
    points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)
    problems: list[Problem] = []
    guests = []
    for point in points:
        try:
            guests.append(_plugin(point.name, point.value))
        except WorkflowError as error:
            problems += error.problems
    if problems:
        raise WorkflowError(problems)
    return guests


def _plugin(name: str, package: str) -> GroupPlugin:
    for folder in _folders(package):
        try:
            return GroupPlugin(name, folder, folder_on_disk(folder).read(CONFIG))
        except InputError:
            continue
    message = f"the package `{package}` brings no `{CONFIG}`"
    hint = "mend or remove the package that names it as `callsheet.groups`"
    raise WorkflowError([Problem(f"{name}/{CONFIG}", "", message, hint)])


def _folders(package: str) -> Iterator[Path]:
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        return
    for place in (found.submodule_search_locations or ()) if found else ():
        yield Path(place)
