"""The routes for many ideas at once: a sheet is judged and priced, carried out, watched, downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.batches.uploads import Upload
from callsheet.web.http_io import attachment, json_response
from callsheet.web.request_mapping import cost_limit

if TYPE_CHECKING:
    from starlette.responses import Response

    from callsheet.web.http_io import RequestContext

MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl", "md": "text/markdown"}


async def judge_sheet(call: RequestContext) -> Response:
    """Reads every row of a sheet and prices the whole; nothing is kept and nobody is called."""
    return json_response(await call.server.batches.judge(call.body.sheet, _terms(call)))


async def start_batch(call: RequestContext) -> Response:
    """Carries out a sheet, each row a run of its own; what is written already is not bought again."""
    name = await call.server.batches.start(call.body.sheet, _terms(call))
    document = await call.server.batches.document(name)
    return json_response(document, 201, {"location": f"/api/batches/{name}"})


async def batches(call: RequestContext) -> Response:
    """Kept sheets, newest first."""
    return json_response(call.server.batches.all())


async def batch(call: RequestContext) -> Response:
    """How a batch stands: rows, failures, what it took, how long it may still take."""
    return json_response(await _document(call))


async def resume_batch(call: RequestContext) -> Response:
    """Goes on with a batch; with `retry_failed`, takes the rows that failed and no others."""
    await call.server.batches.advance(_name(call), retry_failed=call.body.retry_failed)
    return json_response(await _document(call))


async def stop_batch(call: RequestContext) -> Response:
    """Takes no further rows of a batch; those under way have some seconds to end."""
    call.server.batches.stop(_name(call))
    return json_response(await _document(call))


async def delete_batch(call: RequestContext) -> Response:
    """Forgets a sheet and the runs of its rows for good."""
    name = _name(call)
    call.server.batches.forget(name)
    if await call.server.service.store.names_starting_with(f"{name}."):
        await call.server.service.delete(name)
    return json_response({"deleted": name})


async def download_batch(call: RequestContext) -> Response:
    """The prompts of all rows as a file, in the order of the sheet; so far, while it goes on."""
    name, suffix = _name(call), call.query.format
    text = await call.server.batches.output(name, suffix)
    return attachment(text, MEDIA_TYPES[suffix], f"{name}.{suffix}")


async def _document(call: RequestContext) -> bytes | dict[str, Any]:
    server, name = call.server, _name(call)
    if server.batches.is_known(name):
        return await server.batches.document(name)
    now = await server.service.store.version()
    return await server.remembered(("batch", name, now), lambda: server.batches.document(name))


def _name(call: RequestContext) -> str:
    return str(call.request.path_params["batch"])


def _terms(call: RequestContext) -> Upload:
    """What is wished for."""
    body, settings = call.body, call.server.settings
    call.server.source(body.workflow)
    return Upload(
        title=body.title,
        workflow=body.workflow or next(iter(call.server.workflows)),
        groups=tuple(body.groups),
        brief=body.brief,
        llm=body.llm or settings.llm,
        max_cost=cost_limit(settings, body.max_cost),
        concurrency=body.concurrency,
    )
