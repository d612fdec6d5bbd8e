"""`note`: keep a title, a text, a favourite mark and rendered images with a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.cli.options import RUN_HELP, debug_option, json_option
from callsheet.cli.output import note as remark
from callsheet.cli.output import print_json
from callsheet.exports.texts import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.documents import RunDocument
    from callsheet.images import Image


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@click.option("--title", metavar="TEXT", help="Title of the run; an empty one removes it.")
@click.option("--text", metavar="TEXT", help="A note of any length; an empty one removes it.")
@click.option("--favourite/--no-favourite", default=None, help="Mark the run as a favourite.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="MODEL=FILE",
    help="Keep the image that you rendered from a model's prompt: PNG, JPEG or WebP, at most 10 MB."
    " It replaces an earlier one; without FILE it is removed.",
)
@json_option
@debug_option
def note(  # noqa: PLR0913  # each is an option
    name: str,
    *,
    title: str | None,
    text: str | None,
    favourite: bool | None,
    images: tuple[str, ...],
    json: bool,
) -> None:
    """Keep a title, a note, a favourite mark and rendered images with a run.

    It works at any time, also while the run is executed. Without options it shows what is noted.
    """
    from callsheet.runs.notes import NoteChange, note_run
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    change = NoteChange(title, text, favourite, dict(map(_image, images)))
    service = RunService(read_settings())

    async def noted() -> RunDocument:
        run = await service.find(name)
        if change != NoteChange():
            await note_run(service.store, run, change)
        return await service.show(run)

    document = asyncio.run(noted())
    if json:
        print_json({key: document[key] for key in ("run", "noted", "rendered")})
        return
    lines = [*_lines(document)]
    for line in lines:
        click.echo(printable(line))
    if not lines:
        remark(f"nothing is noted about {document.run}; `callsheet note --help` says how")


def _image(given: str) -> tuple[str, Image | None]:
    """The model and the image of MODEL=FILE; raises AnswerError, UsageError."""
    from callsheet.images import FOR_RUNS, open_image

    model, equals, file = given.partition("=")
    if not equals or not model.strip():
        raise click.UsageError(f"--image requires MODEL=FILE, not {given!r:.60}")
    return model.strip(), open_image(Path(file), FOR_RUNS) if file else None


def _lines(document: RunDocument) -> Iterator[str]:
    noted = document.noted
    if noted is not None:
        if noted.title:
            yield f"title: {noted.title}"
        if noted.favourite:
            yield "favourite"
        if noted.text:
            yield noted.text
    for model, image in (document.rendered or {}).items():
        yield f"image of {model}: {image.width} x {image.height}, {image.size:,} bytes"
