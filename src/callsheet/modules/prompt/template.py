"""Fills a text template with variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.errors import InputError, Problem
from callsheet.modules.contract import (
    Done,
    Module,
    ModuleContext,
    Outcome,
    Resources,
    StaticInputs,
    Values,
)
from callsheet.templates import check_template, fill
from callsheet.workflow.references import reads_state

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inputs(Values):
    """A template (`{{ name }}`) and its variables. Values are inserted unchanged."""

    template: str
    variables: dict[str, JsonValue] = Field(default_factory=dict)


class Outputs(Values):
    """The filled text."""

    rendered: str


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Fills the template; an undefined variable is an error that lists the known ones."""
    del context
    return Done(Outputs(rendered=fill(inputs.template, inputs.variables)))


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """A literal template must be valid."""
    del resources
    template = inputs.get("template")
    if isinstance(template, str) and not reads_state(template):
        try:
            check_template(template)
        except InputError as error:
            yield Problem("", ".template", error.message)


module = Module(Inputs, Outputs, run, check=check, repeatable=True)
