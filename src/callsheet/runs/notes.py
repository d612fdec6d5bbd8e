"""What a person notes about a run: title, text, favourite, and images rendered from its prompts."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from callsheet.documents import PersonsNote, RenderedImage
from callsheet.engine.journal import read_view
from callsheet.errors import InputError, UnknownNameError
from callsheet.events import RunNoted
from callsheet.images import Image
from callsheet.loader.bundle import load_stored
from callsheet.runs.document import prompts_by_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from callsheet.exports.prompt_set import PromptSet
    from callsheet.store.port import Store

T = TypeVar("T")

MAX_TITLE = 200
MAX_TEXT = 10_000

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
"""What a model's name may hold and the name of a file should not."""

FILE_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(frozen=True)
class Note:
    """A run's notes, of each field the latest; `seq` is how many there were."""

    title: str = ""
    text: str = ""
    favourite: bool = False
    images: Mapping[str, Image] = field(default_factory=dict)
    seq: int = 0

    def document(self) -> PersonsNote:
        """Return title, text and favourite for the document."""
        return PersonsNote.model_construct(
            title=self.title, text=self.text, favourite=self.favourite
        )

    def rendered(self, run: str) -> dict[str, RenderedImage]:
        """Describe the rendered images for the document, by model."""
        return {
            model: RenderedImage.model_construct(
                media_type=image.media_type,
                width=image.width,
                height=image.height,
                size=image.size,
                file=f"{run}-{UNSAFE.sub('_', model)}.{FILE_SUFFIXES[image.media_type]}",
            )
            for model, image in self.images.items()
        }


@dataclass(frozen=True)
class NoteChange:
    """What to note; None leaves a field as it is, an image of None removes the model's image."""

    title: str | None = None
    text: str | None = None
    favourite: bool | None = None
    images: Mapping[str, Image | None] = field(default_factory=dict)


def fold_notes(notes: Sequence[RunNoted]) -> Note:
    """Return what the notes of a run amount to: the latest of each field."""
    images: dict[str, Image] = {}
    for each in notes:
        for model, image in each.images.items():
            images.pop(model, None)
            if image is not None:
                images[model] = Image.from_json(image)
    return Note(
        title=_latest((each.title for each in reversed(notes)), ""),
        text=_latest((each.text for each in reversed(notes)), ""),
        favourite=_latest((each.favourite for each in reversed(notes)), otherwise=False),
        images=images,
        seq=len(notes),
    )


def fold_stored(events: Sequence[Mapping[str, Any]]) -> Note:
    """Return what the notes among the events of a run amount to; the newest note comes first.

    A damaged note counts and says nothing: it must not hide its run.
    """
    found = [event for event in reversed(events) if event.get("kind") == "run_noted"]
    try:
        return fold_notes([RunNoted.model_validate(event) for event in found])
    except (ValidationError, InputError):
        return Note(seq=len(found))


def _latest(values: Iterable[T | None], otherwise: T) -> T:
    return next((value for value in values if value is not None), otherwise)


async def note_run(
    store: Store, run: str, change: NoteChange, *, idempotency_key: str = ""
) -> None:
    """Note something about a run, whatever it is doing.

    Raises InputError for a title or text that is too long, UnknownNameError for a model without a
    prompt.
    """
    if change.images:
        await _check_models(store, run, change.images)
    event = RunNoted(
        title=None if change.title is None else _limited("title", change.title, MAX_TITLE),
        text=None if change.text is None else _limited("text", change.text, MAX_TEXT),
        favourite=change.favourite,
        images={
            model: image.to_json() if image else None for model, image in change.images.items()
        },
        once=idempotency_key,
    )
    files = {image.hash: image.base64 for image in change.images.values() if image}
    await store.note(run, event, files)


def _limited(what: str, text: str, most: int) -> str:
    """Return the text without blanks around it, and a title in one line."""
    text = " ".join(text.split()) if what == "title" else text.strip()
    if len(text) > most:
        raise InputError(
            f"the {what} has {len(text):,} characters", hint=f"use at most {most:,} characters"
        )
    return text


async def _check_models(store: Store, run: str, images: Mapping[str, Image | None]) -> None:
    """Raise UnknownNameError for a model that neither has a prompt nor an image to be removed."""
    view = await read_view(store, run)
    known = prompts_by_model(await load_stored(store, view.manifest), view)
    kept = fold_notes(await store.notes(run)).images
    for model, image in images.items():
        if model not in known and (image is not None or model not in kept):
            raise UnknownNameError("prompt for the model", model, known)


async def read_rendered(store: Store, run: str, model: str) -> Image:
    """Return the image that was rendered from a model's prompt, with its content."""
    images = fold_notes(await store.notes(run)).images
    if model not in images:
        raise UnknownNameError("rendered image for the model", model, images)
    kept = images[model]
    content = await store.file(kept.hash)
    return Image(kept.hash, kept.media_type, kept.width, kept.height, kept.size, content)


async def rendered_files(store: Store, prompts: PromptSet) -> dict[str, bytes]:
    """Return the images rendered from these prompts, by the names that an export gives them."""
    return {
        entry.image.file: base64.b64decode(
            (await read_rendered(store, prompts.run, entry.model)).base64
        )
        for entry in prompts.entries
        if entry.image is not None
    }
