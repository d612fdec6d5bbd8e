"""Asks for the fields of a form, one line each. A field with a default is not asked.

A field that may be open takes an empty answer: nothing is said, and the LLM chooses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, TypeAdapter

from callsheet.idea_text import named_ratio
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
    from collections.abc import Iterator, Mapping


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
    An aspect ratio that the text of the field `ratio_named_in` names stands before the default.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    text: str
    default: str | None = None
    may_be_open: bool = False
    max_length: int = Field(default=4_000, gt=0)
    pattern: Annotated[str, AfterValidator(_regular_expression)] = ""
    hint: str = ""
    ratio_named_in: str = ""
    presets: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")], str] = Field(
        default_factory=dict
    )

    def resolve(self, answer: str) -> str:
        """The answer, or what it is the name of."""
        return self.presets.get("_".join(answer.lower().split()), answer)

    def is_default(self, value: str) -> bool:
        """Whether a value is what stands where nobody answered."""
        return self.default is not None and value == self.resolve(self.default)

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
    previous = inputs.previous or {}
    for field in inputs.fields:
        if field.key not in context.answers:
            # A ratio that the earlier idea named was never said for this one.
            before = None if _named_by(field, previous) else previous.get(field.key)
            return Ask(_question(field, before))
    values = {field.key: field.resolve(str(context.answers[field.key])) for field in inputs.fields}
    for field in inputs.fields:
        if field.is_default(values[field.key]) and (named := _ratio_named(field, values)):
            values[field.key] = named
            context.note(f"the aspect ratio is {named}: the {field.ratio_named_in} names it")
    defaults = [
        field.key
        for field in inputs.fields
        if field.default and field.is_default(values[field.key])
    ]
    said = {
        field.key: field.said(values[field.key])
        for field in inputs.fields
        if values[field.key] and field.key not in defaults
    }
    return Done(Outputs(values=values, defaults=defaults, said=said))


def _ratio_named(field: FormField, values: Mapping[str, JsonValue]) -> str:
    """The aspect ratio for this field that another field's text names, if it does."""
    return named_ratio(str(values.get(field.ratio_named_in) or "")) if field.ratio_named_in else ""


def _named_by(field: FormField, values: Mapping[str, JsonValue]) -> bool:
    """Whether another field's text named this value."""
    return bool(named := _ratio_named(field, values)) and values.get(field.key) == named


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """Every field, including those with a default: they can be answered by option."""
    del resources
    for field in TypeAdapter(tuple[FormField, ...]).validate_python(inputs.get("fields", ())):
        yield _question(field)


module = Module(Inputs, Outputs, run, asks=asks, repeatable=True)
