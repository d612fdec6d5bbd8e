"""Joins kept and new prompts, in the order of the models, and keeps what the LLM chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from callsheet.catalog.ratios import nearest_ratio
from callsheet.modules.contract import Done, Module, ModuleContext, Outcome, Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from callsheet.catalog.groups import Catalog


class Inputs(Values):
    """What was kept and what was written, by model, and what each was made from, as planned.

    `models` are those selected, in their order; `at_hand` is everything written so far. `chosen`
    is what the run has chosen before, `choices` what this reply chose, by name.
    """

    kept: dict[str, JsonValue]
    written: dict[str, JsonValue]
    models: list[str]
    made_from: dict[str, str]
    at_hand: dict[str, JsonValue] | None = None
    chosen: dict[str, JsonValue] | None = None
    choices: dict[str, JsonValue] | None = None


class Outputs(Values):
    """The selected models' prompts, by model and in the form of a reply; and all existing prompts.

    `chosen` is everything that the run has chosen so far.
    """

    prompts: dict[str, JsonValue]
    collected: dict[str, JsonValue]
    at_hand: dict[str, JsonValue]
    chosen: dict[str, JsonValue]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """New prompts replace kept ones; prompts of models that are not selected stay available."""
    new = {name: value for name, value in (inputs.choices or {}).items() if value is not None}
    chosen = {**(inputs.chosen or {}), **new}
    for note in _notes(chosen, new, inputs.models, context.resources.catalog):
        context.note(note)
    both = inputs.kept | inputs.written
    prompts = {model: both[model] for model in inputs.models if model in both}
    fresh: dict[str, JsonValue] = {
        model: {"prompt": prompt, "made_from": inputs.made_from[model]}
        for model, prompt in prompts.items()
        if model in inputs.made_from
    }
    return Done(
        Outputs(
            prompts=prompts,
            collected={"prompts": prompts},
            at_hand=(inputs.at_hand or {}) | fresh,
            chosen=chosen,
        )
    )


def _notes(
    chosen: Mapping[str, JsonValue],
    new: Mapping[str, JsonValue],
    models: Sequence[str],
    catalog: Catalog,
) -> Iterator[str]:
    """What was chosen now, and each selected group that takes another aspect ratio instead."""
    for name, value in new.items():
        yield f"the {name.replace('_', ' ')} is {value}: the brief leaves it open"
    ratio = str(chosen.get("aspect_ratio") or "")
    for group in catalog.groups():
        nearest = nearest_ratio(ratio, group.aspect_ratios)
        if nearest != ratio and {*group.models} & {*models}:
            yield f"{group.label} takes {nearest}, the nearest that it has to {ratio}"


module = Module(Inputs, Outputs, run, repeatable=True)
