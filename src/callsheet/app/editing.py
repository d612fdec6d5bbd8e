"""Puts a person's own text in place of a written prompt, in the review that the workflow asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.exporting.texts import texts
from callsheet.app.runs import Wish
from callsheet.errors import InputError, UnknownNameError
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from callsheet.app.runs import Office
    from callsheet.app.session import Session
    from callsheet.engine.view import View

REVIEW = "review."
"""What the key of a question that shows prompts begins with."""


async def edit(office: Office, run: str, prompt: str, text: str, *, once: str = "") -> Session:
    """The run at its review, with this text as that prompt; `MODEL.field` names one of several.

    A run that has ended is put back to its review, with everything kept that still fits. What was
    made from the old text is written anew when the review is accepted.
    """
    parse_answer(Question(key=prompt, kind="lines", text=prompt), text)
    view = await office.view(run)
    if _shown(view):
        session = await office.resume(run, Wish())
    elif view.status in ("succeeded", "stopped"):
        session = await _put_back(office, run, prompt)
    else:
        raise InputError(
            f"the run {run} is not at its review", hint=f"it is {view.status}; wait, or resume it"
        )
    try:
        known = _shown(session.view)
        if prompt not in known:
            raise UnknownNameError("prompt", prompt, known)
        for words in ("edit", prompt, text):
            await session.answer(words, once=once)
            await session.go_on()
    finally:
        await session.close()
    return session


def _shown(view: View) -> dict[str, str]:
    """The texts that the open review shows; none where no review is open."""
    question = view.question
    if question is None or not question.key.startswith(REVIEW):
        return {}
    return dict(texts(question.show)) if isinstance(question.show, dict) else {}


async def _put_back(office: Office, run: str, prompt: str) -> Session:
    """The run at the review of the step that wrote this prompt."""
    document = await office.show(run)
    model = prompt.partition(".")[0]
    homes = [category for category, found in document["prompts"].items() if model in found]
    if not homes:
        known = [name for found in document["prompts"].values() for name, _ in texts(found)]
        raise UnknownNameError("prompt", prompt, known)
    wish = Wish(groups=document["selection"].get(homes[0]) or (), review=True)
    session = await office.retry(run, wish)
    await session.go_on()
    return session
