"""Plans which prompts to write: existing prompts that still fit are kept and not paid for again.

A prompt fits as long as nothing it was made from has changed: the brief, the LLM, the shared
instructions, its group's instructions and its group's schema.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.catalog.instructions import instructions_path
from callsheet.catalog.schemas import schema_path
from callsheet.modules.contract import Done, Module, ModuleContext, Outcome, Values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.catalog.groups import Group


class AtHand(Values):
    """An existing prompt, and a fingerprint of everything it was made from."""

    prompt: JsonValue
    made_from: str


class Inputs(Values):
    """The selection, and the prompts at hand by model, chosen now or not.

    Without `selected_models`, all models of the groups are selected. `basis` is whatever all prompts depend on, as the brief; the files are those of the builders,
    and are found where the builders find them.
    """

    selected_groups: list[str]
    selected_models: list[str] | None = None
    at_hand: dict[str, AtHand] | None = None
    basis: dict[str, JsonValue] = Field(default_factory=dict)
    shared_instructions_path: str
    group_instructions: dict[str, str] | None = None
    group_schemas: dict[str, str] | None = None


class Outputs(Values):
    """Which groups and models to write, which prompts to keep, and what each will be made from.

    `anchor` is one kept prompt that shows the scene, where something is kept and something is not.
    """

    groups_to_write: list[str]
    models_to_write: list[str]
    prompts_to_keep: dict[str, JsonValue]
    anchor: JsonValue
    made_from: dict[str, str]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Compares the fingerprints of existing prompts with those that new prompts would have."""
    catalog = context.resources.catalog
    selected = catalog.in_order(inputs.selected_groups)
    groups = {name: catalog.group(name) for name in selected}
    now = {
        model: mark
        for name, group in groups.items()
        for mark in [_fingerprint(inputs, context, group)]
        for model in group.models
        if inputs.selected_models is None or model in inputs.selected_models
    }
    kept = _kept(inputs, now, context.rewrite)
    to_write = [model for model in now if model not in kept]
    writing = [name for name, group in groups.items() if set(group.models) & set(to_write)]
    return Done(
        Outputs(
            groups_to_write=writing,
            models_to_write=to_write,
            prompts_to_keep=kept,
            anchor=_anchor(kept, groups) if to_write else None,
            made_from=now,
        )
    )


def _kept(inputs: Inputs, now: Mapping[str, str], anew: frozenset[str]) -> dict[str, JsonValue]:
    if "all" in anew:
        return {}
    at_hand = inputs.at_hand or {}
    return {
        model: at_hand[model].prompt
        for model, mark in now.items()
        if model in at_hand and at_hand[model].made_from == mark and model not in anew
    }


def _anchor(kept: Mapping[str, JsonValue], groups: Mapping[str, Group]) -> JsonValue:
    """The first kept prompt, in the order of the config."""
    for group in groups.values():
        for model in group.models:
            if model in kept:
                return kept[model]
    return None


def _fingerprint(inputs: Inputs, context: ModuleContext, group: Group) -> str:
    """A fingerprint of everything that a group's prompts are made from."""
    shared = inputs.shared_instructions_path
    instructions, schemas = inputs.group_instructions, inputs.group_schemas
    instruction = (
        instructions_path(shared, group.name)
        if instructions is None
        else instructions.get(group.name)
    )
    schema = schema_path(group.category, group.name) if schemas is None else schemas.get(group.name)
    # A file that is missing is the builders' error to tell, with its name.
    texts = [context.resources.files.read_if_there(path) for path in (shared, instruction, schema)]
    parts = [inputs.basis, context.llm, *texts]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


module = Module(
    Inputs,
    Outputs,
    run,
    paths=("shared_instructions_path", "group_instructions", "group_schemas"),
    repeatable=True,
)
