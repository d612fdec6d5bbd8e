"""Asks for the fields of a form, one line each; a field with a default is not asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, TypeAdapter

from callsheet.modules.contract import (
    Ask,
    Done,
    Materials,
    Module,
    Outcome,
    Stage,
    StaticInputs,
    Values,
)
from callsheet.questions import Question

if TYPE_CHECKING:
    from collections.abc import Iterator


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class FormField(Values):
    """One field: how it is asked, and what an answer must be."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    text: str
    default: str | None = None
    max_length: int = Field(default=4_000, gt=0)
    pattern: Annotated[str, AfterValidator(_regular)] = ""
    hint: str = ""


class Inputs(Values):
    """The fields, in the order in which they are asked; `previous` are the answers of before."""

    fields: tuple[FormField, ...] = Field(min_length=1)
    previous: dict[str, JsonValue] | None = None


class Outputs(Values):
    """Each field's answer by its key."""

    values: dict[str, str]


def _question(field: FormField, default: str | None) -> Question:
    return Question(
        key=field.key,
        kind="text",
        text=field.text,
        default=default,
        max_length=field.max_length,
        pattern=field.pattern,
        hint=field.hint,
    )


async def run(inputs: Inputs, stage: Stage) -> Outcome:
    """Takes what was told, then the defaults; asks for the first field that has neither."""
    values: dict[str, str] = {}
    for field in inputs.fields:
        before = (inputs.previous or {}).get(field.key)
        told = stage.answers.get(field.key)
        if told is None and (field.default is None or before is not None):
            return Ask(_question(field, str(before) if before is not None else None))
        values[field.key] = str(told) if told is not None else str(field.default)
    return Done(Outputs(values=values))


def asks(inputs: StaticInputs, materials: Materials) -> Iterator[Question]:
    """Every field, those with a default too: they can be told."""
    del materials
    for field in TypeAdapter(tuple[FormField, ...]).validate_python(inputs.get("fields", ())):
        yield _question(field, field.default)


module = Module(Inputs, Outputs, run, asks=asks)
