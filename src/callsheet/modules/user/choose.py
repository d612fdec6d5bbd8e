"""Asks for one of several values. The first is the default; with fewer than two nothing is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

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

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inputs(Values):
    """`options` are the values by name; `key` is the key of the question."""

    key: str
    text: str
    options: dict[str, JsonValue] | None = Field(default=None)


class Outputs(Values):
    """The chosen name and its value; both are null if there were no options."""

    name: str | None
    value: JsonValue


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks if there are at least two options."""
    options = inputs.options or {}
    if len(options) < 2:  # noqa: PLR2004  # with one option there is nothing to choose
        name = next(iter(options), None)
        return Done(Outputs(name=name, value=options[name] if name else None))
    question = Question(
        key=inputs.key,
        kind="choice",
        text=inputs.text,
        default=next(iter(options)),
        options=tuple(Option(name, name) for name in options),
    )
    answer = context.answers.get(inputs.key)
    if answer is None:
        return Ask(question)
    return Done(Outputs(name=str(answer), value=options[str(answer)]))


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """The one question; its options are known only when it is asked."""
    del resources
    yield Question(key=str(inputs.get("key")), kind="text", text=str(inputs.get("text")))


module = Module(Inputs, Outputs, run, asks=asks, repeatable=True)
