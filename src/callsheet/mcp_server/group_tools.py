"""What an assistant learns about model groups: which there are, their instructions and rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callsheet.errors import InputError, UnknownNameError
from callsheet.loader.bundle import DEFAULT_WORKFLOW, built_in_workflows, load_workflow
from callsheet.loader.rendering import own_instructions, render_schema
from callsheet.runs.inputs import brief_fields
from callsheet.runs.retry import TEXT_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle

IDEA = "idea"

GROUP, MODEL = "model group", "model"

ONE_WORKFLOW = (
    "Name a group, or GROUP/MODEL for one of its models. All groups of a run are of one workflow."
)


def workflow_of(names: Sequence[str], named: str = "", kind: str = GROUP) -> str:
    """The named workflow; without a name the first that has all of these groups or models.

    Only workflows that come with callsheet: a path would read files that an assistant names.
    """
    workflows = dict.fromkeys((DEFAULT_WORKFLOW, *built_in_workflows()))
    if named:
        if named not in workflows:
            raise UnknownNameError("workflow", named, workflows)
        return named
    known = {workflow: _names(workflow) for workflow in workflows}
    places = {}
    for name in dict.fromkeys(each.partition("/")[0] for each in names):
        places[name] = [w for w, kinds in known.items() if _has(kinds, name)]
        if not places[name]:
            raise UnknownNameError(kind, name, (n for kinds in known.values() for n in kinds[kind]))
    for workflow in workflows:
        if all(workflow in found for found in places.values()):
            return workflow
    where = ", ".join(f"{name} in {' and '.join(found)}" for name, found in places.items())
    raise InputError(f"no workflow has all of these: {where}", hint="make a call for each workflow")


def _names(workflow: str) -> dict[str, list[str]]:
    groups = [*load_workflow(workflow).resources.catalog.groups()]
    return {GROUP: [g.name for g in groups], MODEL: [m for g in groups for m in g.models]}


def _has(kinds: Mapping[str, list[str]], name: str) -> bool:
    known = {each.lower() for names in kinds.values() for each in names}
    return name.lower() in known | {"all"}


def list_groups(workflow: str = "") -> str:
    """The groups of a workflow, or of all that come with callsheet, a line each."""
    names = [workflow_of((), workflow)] if workflow else [*built_in_workflows()]
    texts = ["\n".join(_workflow_lines(load_workflow(name))) for name in names]
    return "\n\n".join([*texts, ONE_WORKFLOW])


def _workflow_lines(bundle: WorkflowBundle) -> Iterator[str]:
    yield f"Workflow {bundle.name}: {bundle.definition.workflow.description}"
    for category, groups in bundle.resources.catalog.categories.items():
        yield f"{category.replace('_', ' ')}:"
        for group in map(groups.__getitem__, bundle.resources.catalog.current(groups)):
            yield f"- {group.name}: {group.label}{_closed(group)} ({', '.join(group.models)})"
        if older := [group.name for group in groups.values() if group.successor]:
            yield f"- older versions: {', '.join(older)}"
    fields = [
        f"{q.key} ({told})"
        if (told := q.hint or (q.text if q.key not in q.text else ""))
        else q.key
        for q in brief_fields(bundle).values()
        if q.kind in TEXT_KINDS and q.key != IDEA
    ]
    yield f"fields of `brief`, each optional: {', '.join(fields)}"


def _closed(group: Group) -> str:
    return f", closed; successor: {group.closed.successor}" if group.closed else ""


def choices(workflow: str) -> dict[str, str]:
    """The groups that can be chosen, by name, with their titles as a person is asked."""
    catalog = load_workflow(workflow).resources.catalog
    return {
        group.name: f"{group.label}: {group.description}" if group.description else group.label
        for group in map(catalog.group, catalog.current(each.name for each in catalog.groups()))
    }


def group_sheet(workflow: str, name: str) -> str:
    """A group's instructions and the schema with its rules and their sources."""
    bundle = load_workflow(workflow_of((), workflow))
    groups = {group.name: group for group in bundle.resources.catalog.groups()}
    if name not in groups:
        raise UnknownNameError("group", name, groups)
    instructions = own_instructions(bundle, groups[name])
    if instructions is None:
        raise InputError(f"the workflow {workflow} does not use the group {name}")
    schema = json.dumps(render_schema(bundle, [name]), ensure_ascii=False, indent=1)
    return f"{instructions}\n\nSchema and rules:\n{schema}"
