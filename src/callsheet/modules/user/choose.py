"""Asks for one of several values; the first by default, nothing where there are none."""

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
    """The values to choose from, by name; `key` names the question."""

    key: str
    text: str
    options: dict[str, JsonValue] | None = Field(default=None)


class Outputs(Values):
    """The chosen name and its value; both null where there was nothing to choose from."""

    name: str | None
    value: JsonValue


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks only where there is a choice."""
    options = inputs.options or {}
    if len(options) < 2:  # noqa: PLR2004  # one option is no choice
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
