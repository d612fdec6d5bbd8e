"""What the LLM chooses beside the prompts: told once it is decided, and filled in where it is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import WRAPPER, choices_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import JsonValue

    from callsheet.llm.port import Request


def with_decided(request: Request, reply: Mapping[str, JsonValue]) -> Request:
    """The request that tells what an earlier reply chose, and fills drafts with it."""
    chosen = _decided(request.schema, reply)
    if not chosen:
        return request
    return replace(
        request,
        user=request.user + decided_lines(request.schema, reply),
        variables={**request.variables, **chosen},
    )


def decided_lines(schema: Mapping[str, JsonValue], reply: Mapping[str, JsonValue]) -> str:
    """The lines that tell what a reply chose; they follow a message."""
    return "".join(
        f"\n\nThe {_words(name)} of every prompt is decided: {value}"
        for name, value in _decided(schema, reply).items()
    )


def with_first_choices(
    schema: Mapping[str, JsonValue], reply: dict[str, JsonValue], note: Callable[[str], None]
) -> dict[str, JsonValue]:
    """The reply with the first value of each choice that it does not make; a note tells it."""
    decided = _decided(schema, reply)
    lost: dict[str, JsonValue] = {
        name: values[0] for name, values in choices_in(schema).items() if name not in decided
    }
    if not lost or not reply.get(WRAPPER):
        return reply
    for name, value in lost.items():
        note(f"the LLM chose no {_words(name)} of those offered; it is {value}")
    return {**reply, **lost}


def _decided(
    schema: Mapping[str, JsonValue], reply: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    choices = choices_in(schema)
    return {name: reply[name] for name in choices if reply.get(name) in choices[name]}


def _words(name: str) -> str:
    return name.replace("_", " ")
