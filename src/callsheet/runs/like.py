"""A new run like an earlier one: with its scene, its groups and its image, and nothing that was paid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.events import QuestionAnswered, RunRetried, RunStarted
from callsheet.images import Image
from callsheet.loader.bundle import load_workflow
from callsheet.loader.rendering import SELECTION_PREFIX, still_question
from callsheet.runs.inputs import brief_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.events import RecordedEvent
    from callsheet.runs.options import RunOptions
    from callsheet.runs.service import RunService


async def options_like(
    service: RunService, name: str, options: RunOptions, workflow: str | None
) -> tuple[RunOptions, str]:
    """Return options and workflow of a run like this one; what `options` say goes before it.

    The LLM is not taken over: it is chosen as for every new run.
    """
    events = await service.store.events(await service.find(name))
    first = events[0].event
    assert isinstance(first, RunStarted)  # noqa: S101  # every run begins with it
    source = workflow or first.source or first.workflow
    bundle, said = load_workflow(source), _said(events)
    known = brief_fields(bundle)
    if options.groups is not None or options.still is not None:
        known.pop((still_question(bundle) or ("", ""))[1], None)
    brief = {
        key: "" if value is None else str(value) for key, value in said.items() if key in known
    }
    groups = [
        str(group)
        for key, chosen in said.items()
        if key.startswith(SELECTION_PREFIX) and isinstance(chosen, list)
        for group in chosen
    ]
    return replace(
        options,
        brief={**brief, **options.brief},
        groups=groups if options.groups is None and groups else options.groups,
        image=options.image or await _image(service, said),
    ), source


def _said(events: Sequence[RecordedEvent]) -> dict[str, JsonValue]:
    """Return what a person said in a run, of each question the latest; defaults are left out."""
    said: dict[str, JsonValue] = {}
    for recorded in events:
        match recorded.event:
            case RunStarted(answers=answers) | RunRetried(answers=answers):
                said |= answers
            case QuestionAnswered(by="person" | "told", key=key, value=value):
                said[key] = value
            case _:
                pass
    return said


async def _image(service: RunService, said: dict[str, JsonValue]) -> Image | None:
    for value in said.values():
        if isinstance(value, dict) and "hash" in value:
            image = Image.from_json(value)
            return replace(image, base64=await service.store.file(image.hash))
    return None
