"""Joins the prompts that were kept with those that were written, in the order of the models."""

from __future__ import annotations

from pydantic import JsonValue

from callsheet.modules.contract import Done, Module, Outcome, Stage, Values


class Inputs(Values):
    """What was kept and what was written, by model; `made_from` as planned for all of them."""

    kept: dict[str, JsonValue]
    written: dict[str, JsonValue]
    models: list[str]
    made_from: dict[str, str]


class Outputs(Values):
    """Every prompt, alone and in the form of a reply, and what each was made from."""

    prompts: dict[str, JsonValue]
    collected: dict[str, JsonValue]
    made_from: dict[str, str]


async def run(inputs: Inputs, stage: Stage) -> Outcome:
    """Written prompts replace kept ones of the same model; no other model's is taken in."""
    del stage
    both = inputs.kept | inputs.written
    prompts = {model: both[model] for model in inputs.models if model in both}
    made_from = {model: mark for model, mark in inputs.made_from.items() if model in prompts}
    return Done(Outputs(prompts=prompts, collected={"prompts": prompts}, made_from=made_from))


module = Module(Inputs, Outputs, run)
