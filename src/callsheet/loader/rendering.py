"""Builds instructions and schemas for any choice of groups, with the modules that a run uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import InputError, UnknownNameError
from callsheet.modules.prompt import build_grouped_prompt
from callsheet.modules.transform import build_dynamic_schema
from callsheet.workflow.references import reads_state, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.workflow.definition import ModuleUse

INSTRUCTIONS_MODULE = "prompt.build_grouped_prompt"
SCHEMA_MODULE = "transform.build_dynamic_schema"
SELECTION_MODULE = "user.select_model_groups"
CHOOSE_MODULE = "user.choose"
REVIEW_MODULE = "user.review"
PLAN_MODULE = "prompt.plan_writing"
COMPARED_INPUT, ONLY_MODELS = "compared_with", "only_models"

SELECTION_PREFIX = "groups."
"""What the key of a question about model groups begins with; the category follows."""


def render_instructions(bundle: WorkflowBundle, groups: Sequence[str]) -> str:
    """The instructions that a run with these groups, all of one category, would send."""
    return instructions_of_module(bundle, _module_use(bundle, groups, INSTRUCTIONS_MODULE), groups)


def instructions_of_module(bundle: WorkflowBundle, use: ModuleUse, groups: Sequence[str]) -> str:
    """The same, built by this very module of the workflow."""
    inputs = build_grouped_prompt.Inputs.model_validate(_literal_inputs(bundle, use, groups))
    return build_grouped_prompt.build(inputs, bundle.resources)


def render_schema(bundle: WorkflowBundle, groups: Sequence[str]) -> dict[str, JsonValue]:
    """The full schema that a run with these groups, all of one category, would ask with."""
    use = _module_use(bundle, groups, SCHEMA_MODULE)
    inputs = build_dynamic_schema.Inputs.model_validate(_literal_inputs(bundle, use, groups))
    return build_dynamic_schema.build(inputs, bundle.resources)


def comparison_texts(
    bundle: WorkflowBundle, category: str, state: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """What the prompts of a category are compared with in a run, by name."""
    for step in bundle.definition.workflow.steps:
        asked = [
            use.inputs.get("group_category")
            for use in step.modules
            if use.module_id == SELECTION_MODULE
        ]
        if category in asked:
            inputs = [
                use.inputs[COMPARED_INPUT] for use in step.modules if COMPARED_INPUT in use.inputs
            ]
            found = resolve(inputs[0], state, []) if inputs else None
            return found if isinstance(found, dict) else {}
    return {}


def still_question(bundle: WorkflowBundle) -> tuple[str, str] | None:
    """The step and the key of the question which still is set in motion, if the workflow asks it."""
    still = bundle.definition.workflow.results.still
    for step in bundle.definition.workflow.steps:
        for use in step.modules:
            name = use.outputs_to_state.get("name")
            if use.module_id == CHOOSE_MODULE and name and still == f"$state.{name}":
                return step.step_id, str(use.inputs.get("key"))
    return None


def own_instructions(bundle: WorkflowBundle, group: Group) -> str | None:
    """What one group adds to the instructions; None where the workflow does not use it."""
    try:
        use = _module_use(bundle, [group.name], INSTRUCTIONS_MODULE)
    except InputError:
        return None
    alone = instructions_of_module(bundle, use, [group.name])
    return alone.removeprefix(instructions_of_module(bundle, use, [])).strip()


def writes_single_models(bundle: WorkflowBundle, category: str) -> bool:
    """Whether the workflow can write for one model of a group: its modules are given the models."""
    needed = {
        INSTRUCTIONS_MODULE: ONLY_MODELS,
        SCHEMA_MODULE: ONLY_MODELS,
        PLAN_MODULE: "selected_models",
    }
    return all(
        needed[use.module_id] in use.inputs
        for step in bundle.definition.workflow.steps
        if category_of(bundle, step.step_id) == category
        for use in step.modules
        if use.module_id in needed
    )


def category_of(bundle: WorkflowBundle, step: str) -> str:
    """The category that a step writes for: that of the last selection up to it."""
    category = ""
    for each in bundle.definition.workflow.steps:
        for use in each.modules:
            if use.module_id == SELECTION_MODULE:
                category = str(use.inputs.get("group_category"))
        if each.step_id == step:
            break
    return category


def _literal_inputs(
    bundle: WorkflowBundle, use: ModuleUse, groups: Sequence[str]
) -> dict[str, JsonValue]:
    """A module's inputs as the file writes them, with this selection in place of the state's."""
    literal = {name: value for name, value in use.inputs.items() if not reads_state(value)}
    selected = bundle.resources.catalog.select(groups)
    only: dict[str, JsonValue] = (
        {ONLY_MODELS: [*selected.models]} if ONLY_MODELS in use.inputs else {}
    )
    return literal | {"selected_groups": [*selected.groups]} | only


def _module_use(bundle: WorkflowBundle, groups: Sequence[str], module_id: str) -> ModuleUse:
    """The module of this id in the step that asks for the groups' category."""
    if not groups:
        raise InputError("no model group is named", hint="name at least one")
    catalog = bundle.resources.catalog
    categories = dict.fromkeys(catalog.group(n).category for n in catalog.select(groups).groups)
    if len(categories) > 1:
        raise InputError(
            f"the groups are of several categories: {', '.join(categories)}",
            hint="each category has instructions and a schema of its own",
        )
    category = next(iter(categories))
    asked: list[str] = []
    for step in bundle.definition.workflow.steps:
        selects = [use for use in step.modules if use.module_id == SELECTION_MODULE]
        asked += [str(use.inputs.get("group_category")) for use in selects]
        if category in asked:
            for use in step.modules:
                if use.module_id == module_id:
                    return use
            break
    raise UnknownNameError(f"step of `{bundle.name}` with `{module_id}` for", category, asked)
