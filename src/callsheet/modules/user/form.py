"""Asks for the fields of a form, one line each. A field with a default is not asked.

A field that may be open takes an empty answer: nothing is said, and the LLM chooses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, TypeAdapter

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


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class FormField(Values):
    """One field: its question and the constraints on the answer.

    `presets` are answers by name: the name stands for the whole answer. A field whose default is
    empty is open unless it is answered; with `may_be_open`, one with another default can be, too.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    text: str
    default: str | None = None
    may_be_open: bool = False
    max_length: int = Field(default=4_000, gt=0)
    pattern: Annotated[str, AfterValidator(_regular_expression)] = ""
    hint: str = ""
    presets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")], str] = Field(
        default_factory=dict
    )

    def resolve(self, answer: str) -> str:
        """The answer, or what it is the name of."""
        return self.presets.get("_".join(answer.lower().split()), answer)

    def said(self, value: str) -> str:
        """What a person says by a value: the name of a preset in words, or the value itself."""
        names = (name.replace("_", " ") for name, words in self.presets.items() if words == value)
        return next(names, value)


class Inputs(Values):
    """The fields, in the order in which they are asked; `previous` are earlier answers."""

    fields: tuple[FormField, ...] = Field(min_length=1)
    previous: dict[str, JsonValue] | None = None


class Outputs(Values):
    """The answers by key, the keys of those that are the workflow's default, and what was said.

    `said` has no open field and no default; a preset stands there by its name.
    """

    values: dict[str, str]
    defaults: list[str]
    said: dict[str, str]


def _question(field: FormField, before: JsonValue = None) -> Question:
    return Question(
        key=field.key,
        kind="text",
        text=field.text,
        default=field.default if before is None else str(before),
        max_length=field.max_length,
        pattern=field.pattern,
        hint=field.hint,
        options=tuple(Option(name, name, words) for name, words in field.presets.items()),
        may_be_open=field.may_be_open or field.default == "",
        unasked=field.default is not None and before is None,
    )


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks field by field; an earlier answer is the default."""
    for field in inputs.fields:
        if field.key not in context.answers:
            return Ask(_question(field, (inputs.previous or {}).get(field.key)))
    values = {field.key: field.resolve(str(context.answers[field.key])) for field in inputs.fields}
    defaults = [
        field.key
        for field in inputs.fields
        if field.default and values[field.key] == field.resolve(field.default)
    ]
    said = {
        field.key: field.said(values[field.key])
        for field in inputs.fields
        if values[field.key] and field.key not in defaults
    }
    return Done(Outputs(values=values, defaults=defaults, said=said))


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """Every field, including those with a default: they can be answered by option."""
    del resources
    for field in TypeAdapter(tuple[FormField, ...]).validate_python(inputs.get("fields", ())):
        yield _question(field)


module = Module(Inputs, Outputs, run, asks=asks, repeatable=True)
