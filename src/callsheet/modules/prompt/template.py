"""Fills a text template with variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.document.references import reads_state
from callsheet.errors import InputError, Problem
from callsheet.modules.contract import (
    Done,
    Materials,
    Module,
    Outcome,
    Stage,
    StaticInputs,
    Values,
)
from callsheet.templates import check_template, fill

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def check(inputs: StaticInputs, materials: Materials) -> Iterator[Problem]:
    """A template that is written out must be one that can be filled."""
    del materials
    template = inputs.get("template")
    if isinstance(template, str) and not reads_state(template):
        try:
            check_template(template)
        except InputError as error:
            yield Problem("", ".template", error.message)


module = Module(Inputs, Outputs, run, check=check, repeatable=True)
