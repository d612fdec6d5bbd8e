"""Reads a prompt as a proof-reader does: what breaks a rule, where, and what code can mend of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callsheet.app.building import schema_for
from callsheet.app.looking import lint
from callsheet.app.productions import DEFAULT, open_production
from callsheet.catalog.mending import mend_all
from callsheet.catalog.rules import pick
from callsheet.catalog.schemas import WRAPPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue


def proofread(text: str | Mapping[str, str], model: str, workflow: str = DEFAULT) -> dict[str, Any]:
    """The findings of `callsheet lint`, and the text with what code can mend mended, or None."""
    written = text if isinstance(text, str) else json.dumps(dict(text))
    found = lint(written, model, workflow)
    production = open_production(workflow)
    group = production.materials.catalog.group_of(model)
    schema = schema_for(production, [group.name])
    prompt: JsonValue = text if isinstance(text, str) else dict(text)
    mended = pick(mend_all({WRAPPER: {model: prompt}}, schema), (WRAPPER, model))
    return {
        "model": model,
        "findings": [
            {
                "path": ".".join(each.path[1:]),
                "rule": each.rule,
                "message": each.message,
                "severity": each.severity,
                "start": getattr(each, "start", None),
                "end": getattr(each, "end", None),
            }
            for each in found
        ],
        "mended": None if mended == prompt else mended,
    }
