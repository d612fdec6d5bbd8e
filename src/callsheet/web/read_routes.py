"""The routes that look and change nothing."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callsheet.authoring.describe import describe_llms, describe_workflow
from callsheet.authoring.lint import lint_with_autofix
from callsheet.costs.savings_report import savings_report as tell_savings
from callsheet.exports.registry import all_exports, find_export, render_export
from callsheet.loader.bundle import load_workflow
from callsheet.runs.estimate import estimate_retry, estimate_selection
from callsheet.web.event_stream import EventStream, positions_of
from callsheet.web.http_io import attachment, json_response
from callsheet.web.problems import WebError
from callsheet.web.request_mapping import parse_image, run_options
from callsheet.web.threads import run_in_thread

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from callsheet.web.http_io import RequestContext


async def health(call: RequestContext) -> Response:
    """Says that the server answers."""
    return json_response(call.server.alive)


async def workflows(call: RequestContext) -> Response:
    """The workflows that may be run here; the first is the default."""
    told = [
        {"name": name} | {"title": told.name, "description": told.description}
        for name, source in call.server.workflows.items()
        for told in [load_workflow(source).definition.workflow]
    ]
    return json_response(told)


async def workflow(call: RequestContext) -> Response:
    """What a workflow asks for, its groups, and how long each model's prompt may be."""
    name = call.request.path_params["workflow"]
    if name not in call.server.workflows:
        known = ", ".join(call.server.workflows)
        raise WebError(404, "not_found", f"there is no workflow {name!r}", hint=f"known: {known}")
    source = call.server.source(name)
    digest, _ = load_workflow(source).manifest()
    today = datetime.now(UTC).date()

    async def make() -> dict[str, Any]:
        return {"name": name} | await asyncio.to_thread(describe_workflow, source, today=today)

    return json_response(await call.server.remembered((name, digest, today), make))


async def llms(call: RequestContext) -> Response:
    """The LLMs that can be named, and whether their keys are there."""
    return json_response(describe_llms(call.server.settings))


async def estimate(call: RequestContext) -> Response:
    """Tokens and cost of a choice of groups beside all groups, without a call."""
    asked, server = call.body, call.server
    source, picture = server.source(asked.workflow), parse_image(asked.picture)
    told = {"workflow": source, "llm": asked.llm, "idea": asked.idea, "image": picture}

    async def make() -> dict[str, Any]:
        return await run_in_thread(
            lambda: estimate_selection(asked.groups, server.settings, **told)
        )

    shown = picture and picture.hash
    key = ("estimate", source, asked.llm, asked.idea, shown, tuple(sorted(set(asked.groups))))
    return json_response(await server.remembered(key, make))


async def lint(call: RequestContext) -> Response:
    """What a prompt breaks of its model's rules, and what code can mend of it."""
    source = call.server.source(call.body.workflow)
    return json_response(
        await asyncio.to_thread(lint_with_autofix, call.body.text, call.body.model, source)
    )


async def exports(call: RequestContext) -> Response:
    """The forms in which prompts can be downloaded."""
    del call
    return json_response(
        [{"name": n, "title": each.title, "file": each.suffix} for n, each in all_exports().items()]
    )


async def runs(call: RequestContext) -> Response:
    """Kept runs, newest first."""
    server = call.server

    async def make() -> dict[str, Any]:
        found, after = await server.listing.page(**dict(call.query))
        return {"runs": found, "next": after}

    # Whether a holder still lives nobody writes down: it is looked at once a second.
    now = (await server.service.store.version(), int(time.monotonic()))
    return json_response(await server.remembered((call.query, now), make))


async def savings(call: RequestContext) -> Response:
    """What the choice of groups has saved so far, in all and run by run."""
    server = call.server

    async def make() -> dict[str, Any]:
        return await tell_savings(
            server.service.store, call.query.workflow, newest=call.query.newest
        )

    now = await server.service.store.version()
    return json_response(await server.remembered(("savings", call.query, now), make))


async def run(call: RequestContext) -> Response:
    """A run as it stands: prompts, question, problems, attempts."""
    return json_response(await call.server.page(call.run))


async def preview_retry(call: RequestContext) -> Response:
    """What a retry would write, keep and cost; nothing is changed and nobody is called."""
    server, body = call.server, call.body
    await server.service.store.run(call.run)
    options = run_options(server.settings, body, groups=body.groups, rewrite=body.rewrite)
    told = await estimate_retry(
        call.run, options, server.settings, store=server.service.store, step=body.step
    )
    return json_response(told)


async def download(call: RequestContext) -> Response:
    """A run's prompts as a file."""
    export = find_export(call.query.format)
    row = await call.server.service.store.run(call.run)
    text = render_export(call.query.format, await call.server.service.prompt_set(row.run))
    return attachment(text, export.media_type, f"{row.run}.{export.suffix}")


async def events(call: RequestContext) -> ASGIApp:
    """Facts as they are recorded, by whichever process: server-sent events."""
    positions = positions_of(call.query.runs)
    for run, seq in positions_of(call.request.headers.get("last-event-id", "")).items():
        # What the browser has seen last counts; runs that it no longer asks for are left out.
        if run in positions:
            positions[run] = seq
    return EventStream(call.server.feed, positions)
