"""The verbs for kept runs: note something about one, and find them again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from callsheet.api import open_service, person_image, to_result
from callsheet.images import FOR_RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from callsheet.api import Result


def note(run: str, **options: Any) -> Result:
    """Keeps a title, a text, a favourite mark and images with a run; takes the options of `note_async`."""
    return asyncio.run(note_async(run, **options))


async def note_async(  # noqa: PLR0913  # each is a word of the command line's
    run: str,
    *,
    title: str | None = None,
    text: str | None = None,
    favourite: bool | None = None,
    images: Mapping[str, str | Path | bytes | None] | None = None,
    home: str | Path | None = None,
) -> Result:
    """Notes what is given, and shows the run: its `document` has `noted` and `rendered`.

    `images` are rendered from the prompts of these models; None removes one, an empty text removes
    a title or a text. Raises InputError for what does not fit.
    """
    from callsheet.runs.notes import NoteChange, note_run

    kept = {model: person_image(image, FOR_RUNS) for model, image in (images or {}).items()}
    with open_service(home) as service:
        change = NoteChange(title, text, favourite, kept)
        name = await service.find(run)
        if change != NoteChange():
            await note_run(service.store, name, change)
        return to_result(await service.show(name))


def find_runs(
    search: str = "", *, favourite: bool = False, home: str | Path | None = None
) -> list[dict[str, Any]]:
    """The kept runs, newest first: those with all words of `search`; with `favourite`, favourites only."""
    return asyncio.run(find_runs_async(search, favourite=favourite, home=home))


async def find_runs_async(
    search: str = "", *, favourite: bool = False, home: str | Path | None = None
) -> list[dict[str, Any]]:
    """The kept runs as `find_runs` lists them: name, workflow, status, start, title and favourite of each."""
    from callsheet.runs.listing import RunFilter

    with open_service(home) as service:
        return await service.runs(RunFilter(search, favourite=favourite))
