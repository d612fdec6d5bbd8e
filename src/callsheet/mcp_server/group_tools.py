"""What an assistant learns about model groups: which there are, their instructions and rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callsheet.errors import InputError, UnknownNameError
from callsheet.loader.bundle import built_in_workflows, load_workflow
from callsheet.loader.rendering import own_instructions, render_schema
from callsheet.runs.inputs import brief_fields
from callsheet.runs.retry import TEXT_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle

IDEA = "idea"


def list_groups(workflow: str = "") -> str:
    """The groups of a workflow, or of all that come with callsheet, a line each."""
    names = [workflow] if workflow else [*built_in_workflows()]
    return "\n\n".join("\n".join(_workflow_lines(load_workflow(name))) for name in names)


def _workflow_lines(bundle: WorkflowBundle) -> Iterator[str]:
    yield f"workflow {bundle.name}"
    for category, groups in bundle.resources.catalog.categories.items():
        yield f"{category}:"
        for group in map(groups.__getitem__, bundle.resources.catalog.current(groups)):
            yield f"- {group.name}: {group.label}{_closed(group)} ({', '.join(group.models)})"
        if older := [group.name for group in groups.values() if group.successor]:
            yield f"older, chosen by name only: {', '.join(older)}"
    fields = [
        q.key for q in brief_fields(bundle).values() if q.kind in TEXT_KINDS and q.key != IDEA
    ]
    yield f"brief fields, each optional: {', '.join(fields)}"


def _closed(group: Group) -> str:
    return ", closed" if group.closed else ""


def choices(workflow: str) -> dict[str, str]:
    """The groups that can be chosen, by name, with their titles as a person is asked."""
    catalog = load_workflow(workflow).resources.catalog
    return {
        group.name: f"{group.label}: {group.description}" if group.description else group.label
        for group in map(catalog.group, catalog.current(each.name for each in catalog.groups()))
    }


def group_sheet(workflow: str, name: str) -> str:
    """A group's instructions and the schema with its rules and their sources."""
    bundle = load_workflow(workflow)
    groups = {group.name: group for group in bundle.resources.catalog.groups()}
    if name not in groups:
        raise UnknownNameError("group", name, groups)
    instructions = own_instructions(bundle, groups[name])
    if instructions is None:
        raise InputError(f"the workflow {workflow} does not use the group {name}")
    schema = json.dumps(render_schema(bundle, [name]), ensure_ascii=False, indent=1)
    return f"{instructions}\n\nSchema and rules:\n{schema}"
