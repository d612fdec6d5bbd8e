"""Reads the drafts of groups, one file for each group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callsheet.errors import Problem, WorkflowError
from callsheet.idea_drafts import yielding_defaults
from callsheet.idea_text import taken_out
from callsheet.jsonc import NotJsonError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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


def prepare(
    variables: Mapping[str, JsonValue], drafts: Iterable[JsonValue]
) -> tuple[dict[str, JsonValue], list[str]]:
    """The variables that drafts are filled with, and notes on what drafts leave out.

    A default of the workflow yields to what the idea names itself.
    """
    idea = variables.get("idea")
    if not isinstance(idea, str):
        return dict(variables), []
    found, notes = taken_out(idea), list[str]()
    if found.parts:
        parts = ", ".join(f"`{part}`" for part in found.parts)
        notes.append(f"left out of the drafts' text as prompt syntax: {parts}")
    if found.other_script and any("tags" in json.dumps(draft) for draft in drafts):
        notes.append(
            "lists of tags leave out what is not in Latin script; write the idea in English"
        )
    defaults = variables.get("defaults")
    yielding = [
        name
        for name in yielding_defaults(idea)
        if isinstance(defaults, list) and name in defaults and variables.get(name)
    ]
    if yielding:
        named = " and ".join(yielding)
        notes.append(f"the workflow's default {named} yields to the idea, and is left out")
    return {**variables, **dict.fromkeys(yielding, "")}, notes


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
