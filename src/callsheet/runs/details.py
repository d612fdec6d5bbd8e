"""Builds the document of a stored run, with its attempts, images and notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from callsheet.costs.receipt_writer import write_receipt
from callsheet.documents import ImageDetails, RunNote
from callsheet.engine.journal import read_view
from callsheet.errors import UnknownNameError
from callsheet.events import Noted, RunRetried, RunStarted, StepFinished
from callsheet.exports.prompt_set import prompt_set
from callsheet.exports.registry import available_exports
from callsheet.images import Image
from callsheet.loader.bundle import load_stored
from callsheet.runs.attempts import list_attempts, work_in_progress
from callsheet.runs.document import run_document
from callsheet.runs.notes import fold_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.documents import RunDocument
    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent
    from callsheet.exports.prompt_set import PromptSet
    from callsheet.store.port import Store


async def run_details(
    store: Store, view: RunView, events: Sequence[RecordedEvent], status: str
) -> tuple[RunDocument, PromptSet]:
    """Return the document of a stored run, and its prompts for an export."""
    bundle = await load_stored(store, view.manifest)
    receipt = await write_receipt(store, view) if view.usage.tokens else None
    document = run_document(bundle, view, status, receipt)
    note = fold_notes(await store.notes(view.run))
    noted = {"noted": note.document(), "rendered": note.rendered(view.run), "note_seq": note.seq}
    prompts = prompt_set(document := document.model_copy(update=noted), bundle)
    working = work_in_progress(bundle, view)
    details = {
        **({} if working is None else {"at_work": working}),
        "started": view.started,
        "seq": view.seq,
        "attempts": list_attempts(bundle, events),
        "exports": available_exports(prompts),
        "pictures": _images(view),
        "notes": _notes(events),
    }
    return document.model_copy(update=details), prompts


async def read_picture(store: Store, run: str, key: str) -> Image:
    """Return the image that a person gave to a question of the run, with its content."""
    known = _image_answers(await read_view(store, run))
    if key not in known:
        raise UnknownNameError("image for the question", key, known)
    image = Image.from_json(known[key])
    return replace(image, base64=await store.file(image.hash))


def _image_answers(view: RunView) -> dict[str, dict[str, JsonValue]]:
    """Each image that the person gave, by its question's key."""
    answers = [*view.answers_by_step.values(), view.preset_answers]
    return {
        key: value
        for each in answers
        for key, value in each.items()
        if isinstance(value, dict) and "hash" in value
    }


def _images(view: RunView) -> dict[str, ImageDetails]:
    """Describe each of these images."""
    return {
        key: _image_details({name: each for name, each in value.items() if name != "hash"})
        for key, value in _image_answers(view).items()
    }


def _image_details(known: dict[str, Any]) -> ImageDetails:
    return ImageDetails.model_construct(**known)


def _notes(events: Sequence[RecordedEvent]) -> list[RunNote]:
    """List the notes since the run was last started or retried, and why steps were skipped."""
    notes: list[RunNote] = []
    for each in events:
        match each.event:
            case RunStarted() | RunRetried():
                notes.clear()
            case Noted(step=step, text=text):
                notes.append(RunNote.model_construct(step=step, text=text, at=each.at))
            case StepFinished(step=step, result="skipped", reason=text):
                text = f"{text}: that step is skipped"
                notes.append(RunNote.model_construct(step=step, text=text, at=each.at))
            case _:
                pass
    return notes
