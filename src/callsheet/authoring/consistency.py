"""Finds parts of a workflow that do not fit together although each is right by itself.

A run with such a workflow works, so loading it does not fail; `callsheet check` reports what is
found: maps of a step that differ, groups without usable drafts, and fields of the brief that nothing reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.authoring.unread_fields import find_unread_fields
from callsheet.catalog.instructions import instructions_path
from callsheet.catalog.schemas import WRAPPER, schema_path
from callsheet.errors import InputError, Problem
from callsheet.jsonc import NotJsonError, parse
from callsheet.loader.rendering import INSTRUCTIONS_MODULE, SCHEMA_MODULE, category_of
from callsheet.modules.support.drafts import drafts_path
from callsheet.templates import check_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from callsheet.catalog.groups import Catalog, Group
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.workflow.definition import ModuleUse, Step

PLAN_MODULE = "prompt.plan_writing"

BUILDERS = {"group_instructions": INSTRUCTIONS_MODULE, "group_schemas": SCHEMA_MODULE}
"""The inputs of the plan that name each group's file, and the module that reads the same files."""


def find_inconsistencies(bundle: WorkflowBundle) -> Iterator[Problem]:
    """Everything that does not fit together, step by step."""
    for number, step in enumerate(bundle.definition.workflow.steps):
        for index, use in enumerate(step.modules):
            place = f"$.steps[{number}].modules[{index}].inputs"
            if use.module_id == PLAN_MODULE:
                yield from _plan(bundle, step, use, place)
            if use.inputs.get("drafts_of") is not None or use.inputs.get("drafts"):
                yield from _drafts(bundle, step, use, place)
    yield from find_unread_fields(bundle)


def _plan(bundle: WorkflowBundle, step: Step, plan: ModuleUse, place: str) -> Iterator[Problem]:
    """Files that the plan does not know, or looks for elsewhere: it would not notice their changes."""
    catalog = bundle.resources.catalog
    for name, builder in BUILDERS.items():
        written = plan.inputs.get(name)
        if isinstance(written, dict):
            for group in catalog.siblings(written, ""):
                if group not in written:
                    yield bundle.definition.problem(
                        f"{place}.{name}",
                        f"the group `{group}` is missing: changes to its file would not be noticed",
                        f"add it as in `{builder}`",
                    )
        for use in step.modules:
            if use.module_id == builder:
                yield from _differences(bundle, (plan, use), name, place)


def _differences(
    bundle: WorkflowBundle, uses: tuple[ModuleUse, ModuleUse], name: str, place: str
) -> Iterator[Problem]:
    plan, builder = uses
    for group in bundle.resources.catalog.groups():
        ours, theirs = (_path(use, name, group, bundle.resources.catalog) for use in uses)
        if ours and theirs and ours != theirs:
            yield bundle.definition.problem(
                f"{place}.{name}" if isinstance(plan.inputs.get(name), dict) else place,
                f"`{group.name}` is {ours} here and {theirs} in `{builder.module_id}`",
                "name the same file in both: the plan notices only changes to its own",
            )


def _path(use: ModuleUse, name: str, group: Group, catalog: Catalog) -> str | None:
    """The file that a module reads for a group; None where it is not for this group."""
    written, shared = use.inputs.get(name), str(use.inputs.get("shared_instructions_path"))
    if isinstance(written, dict):
        return str(written[group.name]) if group.name in written else None
    if name not in ("group_instructions",):
        return schema_path(group.category, group.name)
    folder = shared.rpartition("/")[0].rpartition("/")[2]
    if group.name not in catalog.siblings((), folder):
        return None
    return instructions_path(shared, group.name)


def _drafts(bundle: WorkflowBundle, step: Step, use: ModuleUse, place: str) -> Iterator[Problem]:
    """Models of the step's category that `--llm offline` has nothing to write with."""
    catalog = bundle.resources.catalog
    for name in catalog.siblings((), category_of(bundle, step.step_id)):
        group = catalog.group(name)
        found = _drafted_models(bundle, use, group)
        if lacking := [model for model in group.models if model not in found]:
            message = f"the group `{name}` has no draft for {', '.join(lacking)}"
            yield bundle.definition.problem(
                f"{place}.{'drafts_of' if use.inputs.get('drafts_of') is not None else 'drafts'}",
                f"{message}: `--llm offline` cannot write it",
                f"write {drafts_path(group.category, name)}",
            )
        yield from _unfillable_drafts(bundle, group)


def _unfillable_drafts(bundle: WorkflowBundle, group: Group) -> Iterator[Problem]:
    """The texts of a group's drafts that are no templates, or use what is not allowed in one."""
    path = drafts_path(group.category, group.name)
    try:
        drafts = parse(bundle.resources.files.read_if_there(path) or "{}", path)
    except NotJsonError:
        return  # the module's own check reports it
    for place, text in _texts(drafts):
        try:
            check_template(text, name="the draft")
        except InputError as error:
            yield Problem(path, place, error.message, error.hint)


def _texts(value: JsonValue, at: str = "$") -> Iterator[tuple[str, str]]:
    """Each text in a value, with its JSON path."""
    if isinstance(value, str):
        yield at, value
    entries = value.items() if isinstance(value, dict) else ()
    for name, item in entries:
        yield from _texts(item, f"{at}.{name}")
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield from _texts(item, f"{at}[{number}]")


def _drafted_models(bundle: WorkflowBundle, use: ModuleUse, group: Group) -> set[str]:
    literal = use.inputs.get("drafts")
    drafts: list[JsonValue] = list(literal) if isinstance(literal, list) else []
    if use.inputs.get("drafts_of") is not None:
        path = drafts_path(group.category, group.name)
        try:
            drafts.append(parse(bundle.resources.files.read_if_there(path) or "{}", path))
        except NotJsonError:
            # The module's own check reports it.
            return set(group.models)
    prompts = [each.get(WRAPPER) for each in drafts if isinstance(each, dict)]
    return {model for each in prompts if isinstance(each, dict) for model in each}
