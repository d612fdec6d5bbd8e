"""Finds the packs of model groups in installed packages, for workflows that accept them.

A pack is an entry point of the group `callsheet.groups` (see `callsheet.plugins`). Its value is a
package whose folder holds `config.json` and the groups' files, laid out as in a workflow. The
package is never imported: groups are data.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import InputError, Problem, WorkflowError
from callsheet.plugins import GROUPS
from callsheet.workflow.folder import folder_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = "config.json"


@dataclass(frozen=True)
class GroupPack:
    """A pack of groups: its name, its folder, and the text of its config."""

    name: str
    folder: Path
    config: str

    @property
    def file(self) -> str:
        """What messages call its config."""
        return f"{self.name}/{CONFIG}"


def find_group_packs() -> list[GroupPack]:
    """Every installed pack, by name; raises WorkflowError for those that cannot be read."""
    problems: list[Problem] = []
    packs = []
    for name, entry in GROUPS.entries().items():
        try:
            packs.append(read_group_pack(name, entry.value))
        except WorkflowError as error:
            problems += error.problems
    if problems:
        raise WorkflowError(problems)
    return packs


def read_group_pack(name: str, package: str) -> GroupPack:
    """The pack in a package; raises WorkflowError where it has no config."""
    for folder in _folders(package):
        try:
            return GroupPack(name, folder, folder_on_disk(folder).read(CONFIG))
        except InputError:
            continue
    message = f"the package `{package}` brings no `{CONFIG}`"
    hint = f"update or remove the package that names it as `{GROUPS.group}`"
    raise WorkflowError([Problem(f"{name}/{CONFIG}", "", message, hint)])


def _folders(package: str) -> Iterator[Path]:
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        return
    for place in (found.submodule_search_locations or ()) if found else ():
        yield Path(place)
