"""The handlers of batches: check a sheet, start, follow, stop, resume, download and delete."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from callsheet.batches.row_page import RowFilter
from callsheet.batches.uploads import Upload
from callsheet.errors import InputError
from callsheet.web.http_io import WORKBOOK, attachment, json_response
from callsheet.web.request_mapping import cost_limit

if TYPE_CHECKING:
    from starlette.responses import Response

    from callsheet.web.http_io import RequestContext

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "xlsx": WORKBOOK,
}


MAX_HEAD = 200
"""Characters before the content of a data URL."""


async def check_sheet(call: RequestContext) -> Response:
    """Validate every row of a sheet and estimate its cost; nothing is stored and no LLM is called."""
    return json_response(await call.server.batches.check(_content(call.body.sheet), _upload(call)))


async def start_batch(call: RequestContext) -> Response:
    """Start a batch, with a run for each row; what is written already is not paid for again."""
    name = await call.server.batches.start(_content(call.body.sheet), _upload(call))
    document = await call.server.batches.document(name)
    return json_response(document, 201, {"location": f"/api/batches/{name}"})


async def list_batches(call: RequestContext) -> Response:
    """List the stored batches, newest first."""
    return json_response(call.server.batches.summaries())


async def get_batch(call: RequestContext) -> Response:
    """Return the document of a batch: rows, failures, usage, provider jobs, time left."""
    return json_response(await _document(call))


async def list_rows(call: RequestContext) -> Response:
    """List the rows of a batch with their prompts, a page at a time, by status and by text."""
    wanted = RowFilter(**dict(call.query))
    return json_response(await call.server.batches.rows(_name(call), wanted))


async def resume_batch(call: RequestContext) -> Response:
    """Resume a batch; with `retry_failed`, only the failed rows."""
    await call.server.batches.resume(_name(call), retry_failed=call.body.retry_failed)
    return json_response(await _document(call))


async def stop_batch(call: RequestContext) -> Response:
    """Stop a batch: no further row is started, active rows have some seconds, provider jobs go on."""
    await call.server.batches.stop(_name(call))
    return json_response(await _document(call))


async def cancel_batch(call: RequestContext) -> Response:
    """Cancel a batch's provider jobs and read what is done, which is billed; nothing new is sent."""
    await call.server.batches.cancel_jobs(_name(call))
    return json_response(await _document(call))


async def resend_job(call: RequestContext) -> Response:
    """Send a provider job again of which nobody knows whether it was created; it may be paid twice."""
    await call.server.batches.resend_job(_name(call), call.body.job)
    return json_response(await _document(call))


async def delete_batch(call: RequestContext) -> Response:
    """Delete a batch with the runs of its rows."""
    name = _name(call)
    call.server.batches.check_idle(name)
    if await call.server.service.store.names_starting_with(f"{name}."):
        await call.server.service.delete(name)
    call.server.batches.delete(name)
    return json_response({"deleted": name})


async def download_batch(call: RequestContext) -> Response:
    """Download the prompts of all rows as a file, in the order of the sheet; of a running batch, those so far."""
    name, suffix = _name(call), call.query.format
    content = await call.server.batches.output(name, suffix)
    return attachment(content, MEDIA_TYPES[suffix], f"{name}.{suffix}")


async def _document(call: RequestContext) -> bytes | dict[str, Any]:
    server, name = call.server, _name(call)
    if server.batches.has_progress(name):
        return await server.batches.document(name)
    now = await server.service.store.version()
    return await server.cached(("batch", name, now), lambda: server.batches.document(name))


def _name(call: RequestContext) -> str:
    return str(call.request.path_params["batch"])


def _content(sheet: str) -> bytes:
    """Return the content of a sheet: text, or the data URL of a workbook."""
    head, _, encoded = sheet[:MAX_HEAD].partition(",")
    if not re.fullmatch(r"data:[-.+/\w]*;base64", head) or not encoded:
        return sheet.encode("utf-8", "replace")
    try:
        return base64.b64decode(sheet[len(head) + 1 :], validate=True)
    except ValueError as error:
        raise InputError("the sheet is not base64", hint="send it as data:…;base64,…") from error


def _upload(call: RequestContext) -> Upload:
    """Return the terms of the batch that a request describes."""
    body, settings = call.body, call.server.settings
    call.server.workflow_source(body.workflow)
    return Upload(
        title=body.title,
        workflow=body.workflow or next(iter(call.server.workflows)),
        groups=tuple(body.groups),
        brief=body.brief,
        llm=body.llm or settings.llm,
        max_cost=cost_limit(settings, body.max_cost),
        concurrency=body.concurrency,
        idea_check=body.idea_check,
        tier=body.tier,
        effort=body.effort,
        temperature=body.temperature,
        jobs=body.jobs,
        repair=body.repair,
    )
