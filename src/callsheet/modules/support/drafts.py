"""Reads the drafts of groups, one file for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import Problem, WorkflowError
from callsheet.jsonc import NotJsonError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from callsheet.catalog.groups import Group
    from callsheet.modules.contract import Resources


def drafts_path(category: str, group: str) -> str:
    """Where a group's drafts are, if it has any."""
    return f"drafts/{category}/{group}.json"


def drafts_for(groups: Iterable[str], resources: Resources) -> list[JsonValue]:
    """The drafts of these groups; raises WorkflowError where a file is not JSON."""
    found = []
    for name in groups:
        path, text = _file(resources.catalog.group(name), resources)
        if text is not None:
            try:
                found.append(parse(text, path))
            except NotJsonError as error:
                raise WorkflowError([error.problem]) from error
    return found


def wrong_drafts(resources: Resources) -> Iterator[Problem]:
    """The problems of the groups' drafts; a missing file is none."""
    for group in resources.catalog.groups():
        path, text = _file(group, resources)
        if text is not None:
            try:
                parse(text, path)
            except NotJsonError as error:
                yield error.problem


def _file(group: Group, resources: Resources) -> tuple[str, str | None]:
    path = drafts_path(group.category, group.name)
    return path, resources.files.read(path) if resources.files.has(path) else None
