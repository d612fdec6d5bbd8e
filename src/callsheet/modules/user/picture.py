"""Asks for an image, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

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
from callsheet.questions import Question

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inputs(Values):
    """`key` and `text` of the question; `previous`, the image of an earlier attempt, is the default."""

    key: str
    text: str
    previous: dict[str, JsonValue] | None = None


class Outputs(Values):
    """The image's hash, media type, width, height and size; null where there is none."""

    picture: dict[str, JsonValue] | None


def _question(inputs: Inputs) -> Question:
    return Question(key=inputs.key, kind="picture", text=inputs.text, default=inputs.previous or "")


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks once. The content is stored with the run, so the file is not needed afterwards."""
    if inputs.key not in context.answers:
        return Ask(_question(inputs))
    answer = context.answers[inputs.key]
    return Done(Outputs(picture=answer if isinstance(answer, dict) else None))


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """The question."""
    del resources
    yield _question(Inputs(key=str(inputs.get("key")), text=str(inputs.get("text"))))


module = Module(Inputs, Outputs, run, asks=asks, repeatable=True)
