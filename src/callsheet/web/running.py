"""The routes that begin, answer, carry on and end runs. What they say is stored before they say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.editing import edit
from callsheet.app.session import AnsweredError
from callsheet.errors import StorageError
from callsheet.events import QuestionAnswered, RunResumed, RunRetried
from callsheet.store.port import HeldError
from callsheet.web.calls import answer
from callsheet.web.problems import WebError
from callsheet.web.wishes import wish_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from callsheet.events import Recorded
    from callsheet.web.calls import Call


async def start(call: Call) -> Response:
    """Begins a run; it goes on in the background."""
    desk, body, once = call.desk, call.body, call.once
    run = await desk.office.begun_under(once) if once else None
    if run is None:
        desk.check_room()
        wish = wish_of(desk.settings, body, groups=body.groups, once=once)
        session = await desk.office.start(wish, desk.source(body.workflow))
        run = session.view.run
        try:
            await desk.hand_in(session)
        except StorageError:
            # The same key may have come twice at the same time; the other one began it.
            if not once or await desk.office.begun_under(once) != run:
                raise
    return answer(await desk.page(run), 201, {"location": f"/api/runs/{run}"})


async def give_answer(call: Call) -> Response:
    """Answers the open question; the first answer counts."""
    desk, body, once = call.desk, call.body, call.once
    await desk.office.store.run(call.run)
    session = await desk.office.open(call.run)
    earlier = _answer_to(await desk.office.store.events(call.run), body.question)
    if earlier is not None:
        if once and getattr(earlier.event, "once", "") == once:
            return _answered(call.run, body.question, earlier)
        raise AnsweredError(earlier)
    if session.view.question is None or session.view.asked != body.question:
        raise WebError(
            409, "not_asked", f"the run {call.run} does not ask that", hint="look at it anew"
        )
    await session.answer(body.value, once=once)
    given = _answer_to(await desk.office.store.events(call.run), body.question)
    assert given is not None  # noqa: S101  # it was just recorded
    await desk.hand_in(session)
    return _answered(call.run, body.question, given)


async def edit_prompt(call: Call) -> Response:
    """Puts a person's own text in place of a prompt; the run then waits at its review."""
    desk, once = call.desk, call.once
    facts = await desk.office.store.events(call.run)
    if not (once and any(getattr(fact.event, "once", "") == once for fact in facts)):
        await edit(desk.office, call.run, call.body.prompt, call.body.text, once=once)
    return answer(await desk.page(call.run))


async def resume(call: Call) -> Response:
    """Goes on with a run that failed, was interrupted or is parked."""
    desk, once = call.desk, call.once
    if not await _was_done(call, RunResumed, once):
        desk.check_room()
        wish = wish_of(desk.settings, call.body, once=once)
        await desk.hand_in(await desk.office.resume(call.run, wish))
    return answer(await desk.page(call.run))


async def retry(call: Call) -> Response:
    """Does a step again, and every later one; pays only for what is new."""
    desk, body, once = call.desk, call.body, call.once
    if not await _was_done(call, RunRetried, once):
        desk.check_room()
        wish = wish_of(desk.settings, body, groups=body.groups, rewrite=body.rewrite, once=once)
        await desk.hand_in(await desk.office.retry(call.run, wish, body.step))
    return answer(await desk.page(call.run))


async def interrupt(call: Call) -> Response:
    """Stops a run that this server carries on; it can be resumed."""
    await call.desk.office.store.run(call.run)
    await call.desk.interrupt(call.run)
    return answer(await call.desk.page(call.run))


async def delete(call: Call) -> Response:
    """Forgets a run for good."""
    await call.desk.office.store.run(call.run)
    if call.run in call.desk.under_way:
        raise HeldError(f"the run {call.run} is being carried on", hint="interrupt it first")
    deleted = await call.desk.office.delete(call.run)
    call.desk.feed.gone(deleted)
    return answer({"deleted": deleted})


async def _was_done(call: Call, kind: type, once: str) -> bool:
    """Whether this very request was carried out already; raises NoSuchRunError."""
    facts = await call.desk.office.store.events(call.run)
    return bool(once) and any(
        isinstance(fact.event, kind) and getattr(fact.event, "once", "") == once for fact in facts
    )


def _answer_to(facts: Sequence[Recorded], question: int) -> Recorded | None:
    """The answer to the question whose fact has this number: the next one behind it."""
    if not 0 < question <= len(facts) or facts[question - 1].event.kind != "question_asked":
        return None
    for fact in facts[question:]:
        if isinstance(fact.event, QuestionAnswered):
            return fact
        if isinstance(fact.event, RunRetried):
            return None
    return None


def _answered(run: str, question: int, given: Recorded) -> Response:
    event = given.event
    assert isinstance(event, QuestionAnswered)  # noqa: S101  # the caller looked
    told = {"run": run, "question": question, "key": event.key, "value": event.value}
    return answer(told | {"seq": given.seq})
