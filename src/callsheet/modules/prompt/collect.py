"""Joins kept and new prompts, in the order of the models."""

from __future__ import annotations

from pydantic import JsonValue

from callsheet.modules.contract import Done, Module, ModuleContext, Outcome, Values


class Inputs(Values):
    """What was kept and what was written, by model, and what each was made from, as planned.

    `models` are those selected, in their order; `at_hand` is everything written so far.
    """

    kept: dict[str, JsonValue]
    written: dict[str, JsonValue]
    models: list[str]
    made_from: dict[str, str]
    at_hand: dict[str, JsonValue] | None = None


class Outputs(Values):
    """The selected models' prompts, by model and in the form of a reply; and all existing prompts."""

    prompts: dict[str, JsonValue]
    collected: dict[str, JsonValue]
    at_hand: dict[str, JsonValue]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """New prompts replace kept ones; prompts of models that are not selected stay available."""
    del context
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
        )
    )


module = Module(Inputs, Outputs, run, repeatable=True)
