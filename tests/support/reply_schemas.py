"""A schema file as model groups have it: a reply with prompts of some models."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue


def schema_of(definitions: dict[str, Any] | None = None, **models: Any) -> dict[str, JsonValue]:
    """The schema of a reply with these models."""
    wrapper = {
        "type": "object",
        "properties": models,
        "required": list(models),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"prompts": wrapper},
        "required": ["prompts"],
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }
