"""Asks for one of several values. The first is the default; with fewer than two nothing is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.errors import InputError, Problem
from callsheet.modules.contract import (
    Ask,
    Done,
    Module,
    ModuleContext,
    Outcome,
    Resources,
    StaticInputs,
    Values,
)
from callsheet.questions import Option, Question
from callsheet.templates import check_template, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Inputs(Values):
    """`options` are the values by name; `key` is the key of the question.

    `previous` is the name that was chosen in an earlier attempt; it is the default while it is
    among the options. The end of input takes the default of an `optional` question. `noted` is a
    template that tells the person when the default was taken: `{{ name }}` is its name.
    """

    key: str
    text: str
    options: dict[str, JsonValue] | None = Field(default=None)
    previous: str | None = None
    optional: bool = False
    noted: str = ""


class Outputs(Values):
    """The chosen name and its value; both are null if there were no options."""

    name: str | None
    value: JsonValue


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks if there are at least two options."""
    options = inputs.options or {}
    default = inputs.previous if inputs.previous in options else next(iter(options), None)
    if len(options) < 2 or default is None:  # noqa: PLR2004  # with one there is nothing to choose
        return Done(Outputs(name=default, value=options[default] if default else None))
    answer = context.answers.get(inputs.key)
    if answer is None:
        return Ask(_question(inputs, [*options], default))
    name = str(answer)
    if inputs.noted and name == default and context.answered_by.get(inputs.key) != "told":
        context.note(fill(inputs.noted, {"name": name}))
    return Done(Outputs(name=name, value=options[name]))


def _question(inputs: Inputs, names: Sequence[str], default: str) -> Question:
    return Question(
        key=inputs.key,
        kind="choice",
        text=inputs.text,
        default=default,
        options=tuple(Option(name, name) for name in names),
        optional=inputs.optional,
    )


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """The one question; its options are known only when it is asked."""
    del resources
    yield Question(key=str(inputs.get("key")), kind="text", text=str(inputs.get("text")))


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """A note must be a valid template."""
    del resources
    try:
        check_template(str(inputs.get("noted", "")))
    except InputError as error:
        yield Problem("", ".noted", error.message, error.hint)


module = Module(Inputs, Outputs, run, asks=asks, check=check, repeatable=True)
