"""Fills a text template with variables."""

from __future__ import annotations

from pydantic import Field, JsonValue

from callsheet.modules.contract import Done, Module, Outcome, Stage, Values
from callsheet.templates import fill


class Inputs(Values):
    """A template (`{{ name }}`), and what fills it. Values are put in as they are."""

    template: str
    variables: dict[str, JsonValue] = Field(default_factory=dict)


class Outputs(Values):
    """The filled text."""

    rendered: str


async def run(inputs: Inputs, stage: Stage) -> Outcome:
    """Fills the template; an undefined variable is an error that lists the known ones."""
    del stage
    return Done(Outputs(rendered=fill(inputs.template, inputs.variables)))


module = Module(Inputs, Outputs, run)
