"""The routes for many ideas at once: a sheet is judged and priced, carried out, watched, downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.app.batch.shelf import Terms
from callsheet.web.calls import answer, attachment
from callsheet.web.wishes import ceiling

if TYPE_CHECKING:
    from starlette.responses import Response

    from callsheet.web.calls import Call

MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl", "md": "text/markdown"}


async def judge_sheet(call: Call) -> Response:
    """Reads every row of a sheet and prices the whole; nothing is kept and nobody is called."""
    return answer(await call.desk.batches.judge(call.body.sheet, _terms(call)))


async def start_batch(call: Call) -> Response:
    """Carries out a sheet, each row a run of its own; what is written already is not bought again."""
    name = await call.desk.batches.start(call.body.sheet, _terms(call))
    document = await call.desk.batches.document(name)
    return answer(document, 201, {"location": f"/api/batches/{name}"})


async def batches(call: Call) -> Response:
    """Kept sheets, newest first."""
    return answer(call.desk.batches.all())


async def batch(call: Call) -> Response:
    """How a batch stands: rows, failures, what it took, how long it may still take."""
    return answer(await _document(call))


async def resume_batch(call: Call) -> Response:
    """Goes on with a batch; with `retry_failed`, takes the rows that failed and no others."""
    await call.desk.batches.go_on(_name(call), retry_failed=call.body.retry_failed)
    return answer(await _document(call))


async def stop_batch(call: Call) -> Response:
    """Takes no further rows of a batch; those under way have some seconds to end."""
    call.desk.batches.stop(_name(call))
    return answer(await _document(call))


async def delete_batch(call: Call) -> Response:
    """Forgets a sheet and the runs of its rows for good."""
    name = _name(call)
    call.desk.batches.forget(name)
    if await call.desk.office.store.begun_with(f"{name}."):
        await call.desk.office.delete(name)
    return answer({"deleted": name})


async def download_batch(call: Call) -> Response:
    """The prompts of all rows as a file, in the order of the sheet; so far, while it goes on."""
    name, suffix = _name(call), call.query.format
    text = await call.desk.batches.output(name, suffix)
    return attachment(text, MEDIA_TYPES[suffix], f"{name}.{suffix}")


async def _document(call: Call) -> bytes | dict[str, Any]:
    desk, name = call.desk, _name(call)
    if desk.batches.is_known(name):
        return await desk.batches.document(name)
    now = await desk.office.store.version()
    return await desk.remembered(("batch", name, now), lambda: desk.batches.document(name))


def _name(call: Call) -> str:
    return str(call.request.path_params["batch"])


def _terms(call: Call) -> Terms:
    """What is wished for."""
    body, settings = call.body, call.desk.settings
    call.desk.source(body.workflow)
    return Terms(
        title=body.title,
        workflow=body.workflow or next(iter(call.desk.workflows)),
        groups=tuple(body.groups),
        brief=body.brief,
        llm=body.llm or settings.llm,
        max_cost=ceiling(settings, body.max_cost),
        concurrency=body.concurrency,
    )
