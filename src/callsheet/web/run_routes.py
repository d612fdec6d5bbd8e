"""The routes that begin, answer, carry on and end runs. What they say is stored before they say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import StorageError
from callsheet.events import QuestionAnswered, RunResumed, RunRetried
from callsheet.runs.edit import replace_prompt
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


async def start(call: RequestContext) -> Response:
    """Begins a run; it goes on in the background."""
    server, body, once = call.server, call.body, call.once
    run = await server.service.find_by_key(once) if once else None
    if run is None:
        server.check_room()
        options = run_options(server.settings, body, groups=body.groups, idempotency_key=once)
        session = await server.service.start(options, server.source(body.workflow))
        run = session.view.run
        try:
            await server.hand_in(session)
        except StorageError:
            # The same key may have come twice at the same time; the other one began it.
            if not once or await server.service.find_by_key(once) != run:
                raise
    return json_response(await server.page(run), 201, {"location": f"/api/runs/{run}"})


async def give_answer(call: RequestContext) -> Response:
    """Answers the open question; the first answer counts."""
    server, body, once = call.server, call.body, call.once
    await server.service.store.run(call.run)
    session = await server.service.open(call.run)
    earlier = _answer_to(await server.service.store.events(call.run), body.question)
    if earlier is not None:
        if once and getattr(earlier.event, "once", "") == once:
            return _answered(call.run, body.question, earlier)
        raise AlreadyAnsweredError(earlier)
    if session.view.question is None or session.view.question_seq != body.question:
        raise WebError(
            409, "not_asked", f"the run {call.run} does not ask that", hint="reload the run"
        )
    await session.answer(body.value, idempotency_key=once)
    given = _answer_to(await server.service.store.events(call.run), body.question)
    assert given is not None  # noqa: S101  # it was just recorded
    await server.hand_in(session)
    return _answered(call.run, body.question, given)


async def edit_prompt(call: RequestContext) -> Response:
    """Puts a person's own text in place of a prompt; the run then waits at its review."""
    server, once = call.server, call.once
    facts = await server.service.store.events(call.run)
    if not (once and any(getattr(fact.event, "once", "") == once for fact in facts)):
        await replace_prompt(
            server.service, call.run, call.body.prompt, call.body.text, idempotency_key=once
        )
    return json_response(await server.page(call.run))


async def resume(call: RequestContext) -> Response:
    """Goes on with a run that failed, was interrupted or is parked."""
    server, once = call.server, call.once
    if not await _was_done(call, RunResumed, once):
        server.check_room()
        options = run_options(server.settings, call.body, idempotency_key=once)
        await server.hand_in(await server.service.resume(call.run, options))
    return json_response(await server.page(call.run))


async def retry(call: RequestContext) -> Response:
    """Does a step again, and every later one; pays only for what is new."""
    server, body, once = call.server, call.body, call.once
    if not await _was_done(call, RunRetried, once):
        server.check_room()
        options = run_options(
            server.settings, body, groups=body.groups, rewrite=body.rewrite, idempotency_key=once
        )
        await server.hand_in(await server.service.retry(call.run, options, body.step))
    return json_response(await server.page(call.run))


async def interrupt(call: RequestContext) -> Response:
    """Stops a run that this server carries on; it can be resumed."""
    await call.server.service.store.run(call.run)
    await call.server.interrupt(call.run)
    return json_response(await call.server.page(call.run))


async def delete(call: RequestContext) -> Response:
    """Forgets a run for good."""
    await call.server.service.store.run(call.run)
    if call.run in call.server.under_way:
        raise LeaseError(f"the run {call.run} is being carried on", hint="interrupt it first")
    deleted = await call.server.service.delete(call.run)
    call.server.feed.gone(deleted)
    return json_response({"deleted": deleted})


async def _was_done(call: RequestContext, kind: type, once: str) -> bool:
    """Whether this very request was carried out already; raises NoSuchRunError."""
    facts = await call.server.service.store.events(call.run)
    return bool(once) and any(
        isinstance(fact.event, kind) and getattr(fact.event, "once", "") == once for fact in facts
    )


def _answer_to(facts: Sequence[RecordedEvent], question: int) -> RecordedEvent | None:
    """The answer to the question whose fact has this number: the next one behind it."""
    if not 0 < question <= len(facts) or facts[question - 1].event.kind != "question_asked":
        return None
    for fact in facts[question:]:
        if isinstance(fact.event, QuestionAnswered):
            return fact
        if isinstance(fact.event, RunRetried):
            return None
    return None


def _answered(run: str, question: int, given: RecordedEvent) -> Response:
    event = given.event
    assert isinstance(event, QuestionAnswered)  # noqa: S101  # the caller looked
    told = {"run": run, "question": question, "key": event.key, "value": event.value}
    return json_response(told | {"seq": given.seq})
