"""The handlers that read and change nothing."""

from __future__ import annotations

import asyncio
import base64
import io
import time
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callsheet.authoring.describe import describe_llms, describe_workflow
from callsheet.authoring.lint import lint_with_autofix
from callsheet.costs.savings_report import savings_report
from callsheet.errors import UnknownNameError
from callsheet.exports.registry import all_exports, find_export, render_export
from callsheet.loader.bundle import load_workflow
from callsheet.runs.details import read_picture
from callsheet.runs.estimate import estimate_retry, estimate_selection
from callsheet.runs.listing import RunFilter
from callsheet.runs.notes import read_rendered, rendered_files
from callsheet.web.event_stream import EventStream, parse_positions
from callsheet.web.http_io import ZIP, attachment, json_response
from callsheet.web.problems import WebError
from callsheet.web.request_mapping import parse_image, run_options
from callsheet.web.threads import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp

    from callsheet.images import Image
    from callsheet.store.port import Store
    from callsheet.web.http_io import RequestContext


async def get_health(call: RequestContext) -> Response:
    """Report that the server responds."""
    return json_response(call.server.health)


async def list_workflows(call: RequestContext) -> Response:
    """List the workflows that this server offers; the first is the default."""
    listed = [
        {"name": name} | {"title": workflow.name, "description": workflow.description}
        for name, source in call.server.workflows.items()
        for workflow in [load_workflow(source).definition.workflow]
    ]
    return json_response(listed)


async def get_workflow(call: RequestContext) -> Response:
    """Describe a workflow: its steps, its fields, its groups, and the longest prompt of each model."""
    name = call.request.path_params["workflow"]
    if name not in call.server.workflows:
        known = ", ".join(call.server.workflows)
        raise WebError(404, "not_found", f"there is no workflow {name!r}", hint=f"known: {known}")
    source = call.server.workflow_source(name)
    digest, _ = load_workflow(source).manifest()
    today = datetime.now(UTC).date()

    async def compute() -> dict[str, Any]:
        return {"name": name} | await asyncio.to_thread(describe_workflow, source, today=today)

    return json_response(await call.server.cached((name, digest, today), compute))


async def list_llms(call: RequestContext) -> Response:
    """List the LLMs that can be named, and whether their API keys are set."""
    return json_response(describe_llms(call.server.settings))


async def estimate_groups(call: RequestContext) -> Response:
    """Estimate tokens and cost of a selection of groups beside all groups, without an LLM call."""
    body, server = call.body, call.server
    source, image = server.workflow_source(body.workflow), parse_image(body.picture)
    options: dict[str, Any] = {
        "workflow": source,
        "llm": body.llm,
        "idea": body.idea,
        "image": image,
    }
    options["tier"] = body.tier

    async def compute() -> dict[str, Any]:
        return await run_in_thread(
            lambda: estimate_selection(body.groups, server.settings, **options)
        )

    digest = image and image.hash
    groups = tuple(sorted(set(body.groups)))
    key = ("estimate", source, body.llm, body.tier, body.idea, digest, groups)
    return json_response(await server.cached(key, compute))


async def lint_prompt(call: RequestContext) -> Response:
    """Check a prompt by its model's rules, and correct by autofix what can be corrected."""
    source = call.server.workflow_source(call.body.workflow)
    body = call.body
    return json_response(
        await asyncio.to_thread(
            lint_with_autofix, body.text, body.model, source, body.idea, body.tools
        )
    )


async def list_export_formats(call: RequestContext) -> Response:
    """List the formats in which prompts can be downloaded."""
    del call
    return json_response(
        [{"name": n, "title": each.title, "file": each.suffix} for n, each in all_exports().items()]
    )


async def list_runs(call: RequestContext) -> Response:
    """List the stored runs, newest first."""
    server = call.server

    async def compute() -> dict[str, Any]:
        query = call.query
        wanted = RunFilter(query.search, query.status, query.favourite)
        found, after = await server.listing.page(wanted, after=query.after, limit=query.limit)
        return {"runs": found, "next": after}

    # A lease expires without a write, so the list is read again each second.
    now = (await server.service.store.version(), int(time.monotonic()))
    return json_response(await server.cached((call.query, now), compute))


async def get_savings(call: RequestContext) -> Response:
    """Report what the selection of groups has saved, in total and for each run."""
    server = call.server

    async def compute() -> dict[str, Any]:
        return await savings_report(
            server.service.store, call.query.workflow, newest=call.query.newest
        )

    now = await server.service.store.version()
    return json_response(await server.cached(("savings", call.query, now), compute))


async def get_run(call: RequestContext) -> Response:
    """Return the document of a run: prompts, question, problems, attempts."""
    return json_response(await call.server.document_json(call.run))


async def preview_retry(call: RequestContext) -> Response:
    """Preview what a retry would write, keep and cost; nothing is changed and no LLM is called."""
    server, body = call.server, call.body
    await server.service.store.run(call.run)
    options = run_options(server.settings, body, groups=body.groups, rewrite=body.rewrite)
    preview = await estimate_retry(
        call.run, options, server.settings, store=server.service.store, step=body.step
    )
    return json_response(preview)


async def download_prompts(call: RequestContext) -> Response:
    """Download a run's prompts as a file; with `images`, a ZIP of the file and the rendered images."""
    export = find_export(call.query.format)
    store, row = call.server.service.store, await call.server.service.store.run(call.run)
    prompts = await call.server.service.prompt_set(row.run)
    content = render_export(call.query.format, prompts).encode("utf-8", "replace")
    name = f"{row.run}.{export.suffix}"
    if call.query.images:
        files = {name: content} | await rendered_files(store, prompts)
        return attachment(await asyncio.to_thread(_zipped, files), ZIP, f"{row.run}.zip")
    return attachment(content, f"{export.media_type}; charset=utf-8", name)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    # Images are compressed already.
    with zipfile.ZipFile(content, "w") as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


async def get_image(call: RequestContext) -> Response:
    """Return the image that a person rendered from a model's prompt."""
    return await _image(call, read_rendered, "model")


async def get_picture(call: RequestContext) -> Response:
    """Return the image that a person gave to a question of the run."""
    return await _image(call, read_picture, "key")


async def _image(
    call: RequestContext, read: Callable[[Store, str, str], Awaitable[Image]], parameter: str
) -> Response:
    store = call.server.service.store
    row = await store.run(call.run)
    try:
        image = await read(store, row.run, str(call.request.path_params[parameter]))
    except UnknownNameError as error:
        raise WebError(404, "not_found", error.message, hint=error.hint) from None
    response = json_response(base64.b64decode(image.base64))
    # The type was read from the content when the image was stored; no other can come back.
    response.headers["content-type"] = image.media_type
    return response


async def stream_events(call: RequestContext) -> ASGIApp:
    """Stream the events of runs as they are recorded, by any process, as server-sent events."""
    positions = parse_positions(call.query.runs)
    for run, seq in parse_positions(call.request.headers.get("last-event-id", "")).items():
        # The browser knows best what it received; runs that it no longer follows are left out.
        if run in positions:
            positions[run] = seq
    return EventStream(call.server.feed, positions)
