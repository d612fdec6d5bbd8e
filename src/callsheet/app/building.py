"""Builds instructions and schemas for any choice of groups, with the modules that a run uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.document.references import reads_state, resolve
from callsheet.errors import InputError, UnknownNameError
from callsheet.modules.prompt import build_grouped_prompt
from callsheet.modules.transform import build_dynamic_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.catalog.groups import Group
    from callsheet.document.workflow import ModuleUse

INSTRUCTIONS = "prompt.build_grouped_prompt"
SCHEMA = "transform.build_dynamic_schema"
SELECT = "user.select_model_groups"
COMPARED = "compared_with"


def instructions_for(production: Production, groups: Sequence[str]) -> str:
    """The instructions that a run with these groups, all of one category, would send."""
    return instructions_of(production, _use(production, groups, INSTRUCTIONS), groups)


def instructions_of(production: Production, use: ModuleUse, groups: Sequence[str]) -> str:
    """The same, built by this very module of the workflow."""
    inputs = build_grouped_prompt.Inputs.model_validate(_written_out(use, groups))
    return build_grouped_prompt.build(inputs, production.materials)


def schema_for(production: Production, groups: Sequence[str]) -> dict[str, JsonValue]:
    """The full schema that a run with these groups, all of one category, would ask with."""
    use = _use(production, groups, SCHEMA)
    inputs = build_dynamic_schema.Inputs.model_validate(_written_out(use, groups))
    return build_dynamic_schema.build(inputs, production.materials)


def compared_with(
    production: Production, category: str, state: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """What the prompts of a category are compared with when they are checked, as a run has it."""
    for step in production.document.workflow.steps:
        asked = [
            use.inputs.get("group_category") for use in step.modules if use.module_id == SELECT
        ]
        if category in asked:
            told = [use.inputs[COMPARED] for use in step.modules if COMPARED in use.inputs]
            found = resolve(told[0], state, []) if told else None
            return found if isinstance(found, dict) else {}
    return {}


def own_instructions(production: Production, group: Group) -> str | None:
    """What one group adds to the instructions; None where the workflow asks nothing of it."""
    try:
        use = _use(production, [group.name], INSTRUCTIONS)
    except InputError:
        return None
    alone = instructions_of(production, use, [group.name])
    return alone.removeprefix(instructions_of(production, use, [])).strip()


def category_of(production: Production, step: str) -> str:
    """The category that a step writes for: the one that was asked for last when it begins to."""
    category = ""
    for each in production.document.workflow.steps:
        for use in each.modules:
            if use.module_id == SELECT:
                category = str(use.inputs.get("group_category"))
        if each.step_id == step:
            break
    return category


def _written_out(use: ModuleUse, groups: Sequence[str]) -> dict[str, JsonValue]:
    """A module's inputs as the file writes them, with these groups in place of the state's."""
    literal = {name: value for name, value in use.inputs.items() if not reads_state(value)}
    return literal | {"selected_groups": [*groups]}


def _use(production: Production, groups: Sequence[str], module_id: str) -> ModuleUse:
    """The module of this id in the step that asks for the groups' category."""
    if not groups:
        raise InputError("no model group is named", hint="name at least one")
    categories = dict.fromkeys(production.materials.catalog.group(name).category for name in groups)
    if len(categories) > 1:
        raise InputError(
            f"the groups are of several categories: {', '.join(categories)}",
            hint="each category has instructions and a schema of its own",
        )
    category = next(iter(categories))
    asked: list[str] = []
    for step in production.document.workflow.steps:
        selects = [use for use in step.modules if use.module_id == SELECT]
        asked += [str(use.inputs.get("group_category")) for use in selects]
        if category in asked:
            for use in step.modules:
                if use.module_id == module_id:
                    return use
            break
    raise UnknownNameError(f"step of `{production.name}` with `{module_id}` for", category, asked)
