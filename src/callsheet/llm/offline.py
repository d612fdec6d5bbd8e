"""Fills the workflow's drafts from the brief instead of calling an LLM: deterministic, no network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.errors import InputError
from callsheet.llm.port import Reply, Request, Usage
from callsheet.templates import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.llm.port import TextListener


class OfflineLLM:
    """Replies with the filled drafts of a request; raises InputError where a value has none."""

    spec = "offline"

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        del on_text  # the reply is complete at once
        # What is left to choose takes what the idea names or its first value; drafts are written with it.
        variables = {**request.variables, **_choices(request)}
        value = _filled(request.schema, replace(request, variables=variables), ())
        text = json.dumps(value, ensure_ascii=False)
        return Reply(text=text, finish="stop", usage=Usage(cost_usd=0.0), llm="offline")


def _filled(schema: object, request: Request, at: tuple[str, ...]) -> JsonValue:
    """The value for a schema at a path, from the first draft that has one there."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict):
        return {name: _filled(node, request, (*at, name)) for name, node in properties.items()}
    path = ".".join(at)
    draft = _draft(request.drafts, at)
    if draft is None and path in (chosen := _choices(request)):
        return chosen[path]
    if draft is None:
        raise InputError(
            f"`offline` has no draft for `{path}`",
            hint="give the module `drafts`, or name an LLM with `--llm`",
        )
    return fill(draft, request.variables, name=f"the draft of `{path}`")


def _choices(request: Request) -> dict[str, JsonValue]:
    """Each choice that stands beside the prompts, by name: the variable's value, or the first."""
    properties = request.schema.get("properties")
    nodes = properties if isinstance(properties, dict) else {}
    found: dict[str, JsonValue] = {}
    for name, node in nodes.items():
        values = node.get("enum") if isinstance(node, dict) else None
        if isinstance(values, list) and values:
            named = request.variables.get(name)
            found[name] = named if named in values else values[0]
    return found


def _draft(drafts: Sequence[JsonValue], at: tuple[str, ...]) -> str | None:
    for draft in drafts:
        node = draft
        for name in at:
            node = node.get(name) if isinstance(node, dict) else None
        if isinstance(node, str):
            return node
    return None


def open_offline(_name: str, _key: str) -> OfflineLLM:
    """The LLM of the spec `offline`, which has no name after it."""
    return OfflineLLM()
