"""The handlers that start, answer, edit, resume, retry, interrupt and delete runs.

Each response is sent after what it reports is stored.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from callsheet.errors import StorageError
from callsheet.events import QuestionAnswered, RunResumed, RunRetried
from callsheet.images import FOR_RUNS, read_base64
from callsheet.runs import notes
from callsheet.runs.edit import replace_prompt
from callsheet.runs.notes import NoteChange
from callsheet.runs.session import AlreadyAnsweredError
from callsheet.store.port import LeaseError
from callsheet.web.http_io import json_response
from callsheet.web.problems import WebError
from callsheet.web.request_mapping import run_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from callsheet.events import RecordedEvent
    from callsheet.web.http_io import RequestContext


async def start_run(call: RequestContext) -> Response:
    """Start a run; it is executed in the background."""
    server, body, key = call.server, call.body, call.idempotency_key
    run = await server.service.find_by_key(key) if key else None
    if run is not None:
        started = (await server.service.store.events(run))[0].event
        call.repeats(getattr(started, "once", ""))
    else:
        server.check_capacity()
        options = run_options(server.settings, body, groups=body.groups, idempotency_key=call.once)
        session = await server.service.start(options, server.workflow_source(body.workflow))
        run = session.view.run
        try:
            await server.enqueue(session)
        except StorageError:
            # Of two simultaneous requests with the same key, the other one started the run.
            if not key or await server.service.find_by_key(key) != run:
                raise
    return json_response(await server.document_json(run), 201, {"location": f"/api/runs/{run}"})


async def answer_question(call: RequestContext) -> Response:
    """Answer the open question; the first answer counts."""
    await call.server.store_unsaved(call.run)
    server, body = call.server, call.body
    await server.service.store.run(call.run)
    session = await server.service.open(call.run)
    earlier = _answer_to(await server.service.store.events(call.run), body.question)
    if earlier is not None:
        if call.repeats(getattr(earlier.event, "once", "")):
            return _answer_response(call.run, body.question, earlier)
        raise AlreadyAnsweredError(earlier)
    if session.view.question is None or session.view.question_seq != body.question:
        raise WebError(
            409,
            "not_asked",
            f"the run {call.run} does not ask this question",
            hint="reload the run",
        )
    await session.answer(body.value, idempotency_key=call.once)
    recorded = _answer_to(await server.service.store.events(call.run), body.question)
    assert recorded is not None  # noqa: S101  # it was just recorded
    await server.enqueue(session)
    return _answer_response(call.run, body.question, recorded)


async def edit_prompt(call: RequestContext) -> Response:
    """Replace a prompt by a person's own text, at once; the run stays where it is."""
    await call.server.store_unsaved(call.run)
    server = call.server
    events = await server.service.store.events(call.run)
    if not any(call.repeats(getattr(recorded.event, "once", "")) for recorded in events):
        body = call.body
        await replace_prompt(
            server.service,
            call.run,
            body.prompt,
            body.text,
            seq=body.seq,
            idempotency_key=call.once,
        )
    return json_response(await server.document_json(call.run))


async def note_run(call: RequestContext) -> Response:
    """Note a title, a text or a favourite mark, whatever the run is doing."""
    body = call.body
    return await _noted(call, NoteChange(body.title, body.text, body.favourite))


async def keep_image(call: RequestContext) -> Response:
    """Keep the image that was rendered from a model's prompt, or remove it."""
    body = call.body
    image = body.image and await asyncio.to_thread(read_base64, body.image, FOR_RUNS)
    return await _noted(call, NoteChange(images={body.model: image}))


async def _noted(call: RequestContext, change: NoteChange) -> Response:
    store = call.server.service.store
    await store.run(call.run)
    if not any(call.repeats(each.once) for each in await store.notes(call.run)):
        await notes.note_run(store, call.run, change, idempotency_key=call.once)
        call.server.feed.notify()
    return json_response(await call.server.document_json(call.run))


async def resume_run(call: RequestContext) -> Response:
    """Resume a failed, interrupted or parked run."""
    await call.server.store_unsaved(call.run)
    server = call.server
    if not await _is_repeated(call, RunResumed):
        server.check_capacity()
        options = run_options(server.settings, call.body, idempotency_key=call.once)
        await server.enqueue(await server.service.resume(call.run, options))
    return json_response(await server.document_json(call.run))


async def retry_run(call: RequestContext) -> Response:
    """Retry a step and every later one; only new prompts are paid for."""
    await call.server.store_unsaved(call.run)
    server, body = call.server, call.body
    if not await _is_repeated(call, RunRetried):
        server.check_capacity()
        options = run_options(
            server.settings,
            body,
            groups=body.groups,
            rewrite=body.rewrite,
            idempotency_key=call.once,
        )
        await server.enqueue(await server.service.retry(call.run, options, body.step))
    return json_response(await server.document_json(call.run))


async def interrupt_run(call: RequestContext) -> Response:
    """Interrupt a run that this server executes; it can be resumed."""
    await call.server.service.store.run(call.run)
    await call.server.interrupt(call.run)
    return json_response(await call.server.document_json(call.run))


async def delete_run(call: RequestContext) -> Response:
    """Delete a run."""
    await call.server.store_unsaved(call.run)
    await call.server.service.store.run(call.run)
    if call.run in call.server.active_runs:
        raise LeaseError(f"the run {call.run} is being executed", hint="interrupt it first")
    deleted = await call.server.service.delete(call.run)
    call.server.feed.announce_deleted(deleted)
    return json_response({"deleted": deleted})


async def _is_repeated(call: RequestContext, kind: type) -> bool:
    """Whether a request with this key was executed already; raises NoSuchRunError, WebError."""
    events = await call.server.service.store.events(call.run)
    return any(
        isinstance(recorded.event, kind) and call.repeats(getattr(recorded.event, "once", ""))
        for recorded in events
    )


def _answer_to(events: Sequence[RecordedEvent], question: int) -> RecordedEvent | None:
    """The answer to the question with this number: the next answer after it."""
    if not 0 < question <= len(events) or events[question - 1].event.kind != "question_asked":
        return None
    for recorded in events[question:]:
        if isinstance(recorded.event, QuestionAnswered):
            return recorded
        if isinstance(recorded.event, RunRetried):
            return None
    return None


def _answer_response(run: str, question: int, recorded: RecordedEvent) -> Response:
    event = recorded.event
    assert isinstance(event, QuestionAnswered)  # noqa: S101  # the caller looked
    answer = {"run": run, "question": question, "key": event.key, "value": event.value}
    return json_response(answer | {"seq": recorded.seq})
