"""The routes that look and change nothing."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callsheet.app.describing import form_of, list_llms
from callsheet.app.estimating import estimate, preview
from callsheet.app.exporting.table import EXPORTS, find_export, write_export
from callsheet.app.productions import open_production
from callsheet.app.proofreading import proofread
from callsheet.app.saving import savings as tell_savings
from callsheet.web.aside import aside
from callsheet.web.calls import answer, attachment
from callsheet.web.events import EventStream, positions_of
from callsheet.web.problems import WebError
from callsheet.web.wishes import picture_of, wish_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from callsheet.web.calls import Call


async def health(call: Call) -> Response:
    """Says that the server answers."""
    return answer(call.desk.alive)


async def workflows(call: Call) -> Response:
    """The workflows that may be run here; the first is the default."""
    told = [
        {"name": name} | {"title": told.name, "description": told.description}
        for name, source in call.desk.workflows.items()
        for told in [open_production(source).document.workflow]
    ]
    return answer(told)


async def workflow(call: Call) -> Response:
    """What a workflow asks for, its groups, and how long each model's prompt may be."""
    name = call.request.path_params["workflow"]
    if name not in call.desk.workflows:
        known = ", ".join(call.desk.workflows)
        raise WebError(404, "not_found", f"there is no workflow {name!r}", hint=f"known: {known}")
    source = call.desk.source(name)
    digest, _ = open_production(source).manifest()
    today = datetime.now(UTC).date()

    async def make() -> dict[str, Any]:
        return {"name": name} | await asyncio.to_thread(form_of, source, today=today)

    return answer(await call.desk.remembered((name, digest, today), make))


async def llms(call: Call) -> Response:
    """The LLMs that can be named, and whether their keys are there."""
    return answer(list_llms(call.desk.settings))


async def weigh(call: Call) -> Response:
    """Tokens and cost of a choice of groups beside all groups, without a call."""
    asked, desk = call.body, call.desk
    source, picture = desk.source(asked.workflow), picture_of(asked.picture)
    told = {"workflow": source, "llm": asked.llm, "idea": asked.idea, "picture": picture}

    async def make() -> dict[str, Any]:
        return await aside(lambda: estimate(asked.groups, desk.settings, **told))

    shown = picture and picture.hash
    key = ("estimate", source, asked.llm, asked.idea, shown, tuple(sorted(set(asked.groups))))
    return answer(await desk.remembered(key, make))


async def lint(call: Call) -> Response:
    """What a prompt breaks of its model's rules, and what code can mend of it."""
    source = call.desk.source(call.body.workflow)
    return answer(await asyncio.to_thread(proofread, call.body.text, call.body.model, source))


async def exports(call: Call) -> Response:
    """The forms in which prompts can be downloaded."""
    del call
    return answer(
        [{"name": n, "title": each.title, "file": each.suffix} for n, each in EXPORTS.items()]
    )


async def runs(call: Call) -> Response:
    """Kept runs, newest first."""
    desk = call.desk

    async def make() -> dict[str, Any]:
        found, after = await desk.listing.page(**dict(call.query))
        return {"runs": found, "next": after}

    # Whether a holder still lives nobody writes down: it is looked at once a second.
    now = (await desk.office.store.version(), int(time.monotonic()))
    return answer(await desk.remembered((call.query, now), make))


async def savings(call: Call) -> Response:
    """What the choice of groups has saved so far, in all and run by run."""
    desk = call.desk

    async def make() -> dict[str, Any]:
        return await tell_savings(desk.office.store, call.query.workflow, newest=call.query.newest)

    now = await desk.office.store.version()
    return answer(await desk.remembered(("savings", call.query, now), make))


async def run(call: Call) -> Response:
    """A run as it stands: prompts, question, problems, attempts."""
    return answer(await call.desk.page(call.run))


async def preview_retry(call: Call) -> Response:
    """What a retry would write, keep and cost; nothing is changed and nobody is called."""
    desk, body = call.desk, call.body
    await desk.office.store.run(call.run)
    wish = wish_of(desk.settings, body, groups=body.groups, rewrite=body.rewrite)
    told = await preview(call.run, wish, desk.settings, store=desk.office.store, step=body.step)
    return answer(told)


async def download(call: Call) -> Response:
    """A run's prompts as a file."""
    export = find_export(call.query.format)
    row = await call.desk.office.store.run(call.run)
    text = write_export(call.query.format, await call.desk.office.sheet(row.run))
    return attachment(text, export.media_type, f"{row.run}.{export.suffix}")


async def events(call: Call) -> ASGIApp:
    """Facts as they are recorded, by whichever process: server-sent events."""
    positions = positions_of(call.query.runs)
    for run, seq in positions_of(call.request.headers.get("last-event-id", "")).items():
        # What the browser has seen last counts; runs that it no longer asks for are left out.
        if run in positions:
            positions[run] = seq
    return EventStream(call.desk.feed, positions)
