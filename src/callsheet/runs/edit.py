"""Puts a person's own text in place of a written prompt, in the review that the workflow asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import InputError, UnknownNameError
from callsheet.exports.texts import named_texts
from callsheet.questions import Question, parse_answer
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from callsheet.engine.run_view import RunView
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession

REVIEW = "review."
"""What the key of a question that shows prompts begins with."""


async def replace_prompt(
    service: RunService, run: str, prompt: str, text: str, *, idempotency_key: str = ""
) -> RunSession:
    """The run at its review, with this text as that prompt; `MODEL.field` names one of several.

    A run that has ended is put back to its review, with everything kept that still fits. What was
    made from the old text is written anew when the review is accepted.
    """
    parse_answer(Question(key=prompt, kind="lines", text=prompt), text)
    view = await service.view(run)
    if _prompts_under_review(view):
        session = await service.resume(run, RunOptions())
    elif view.status in ("succeeded", "stopped"):
        session = await _back_to_review(service, run, prompt)
    else:
        raise InputError(
            f"the run {run} is not at its review", hint=f"it is {view.status}; wait, or resume it"
        )
    try:
        known = _prompts_under_review(session.view)
        if prompt not in known:
            raise UnknownNameError("prompt", prompt, known)
        for words in ("edit", prompt, text):
            await session.answer(words, idempotency_key=idempotency_key)
            await session.advance()
    finally:
        await session.close()
    return session


def _prompts_under_review(view: RunView) -> dict[str, str]:
    """The texts that the open review shows; none where no review is open."""
    question = view.question
    if question is None or not question.key.startswith(REVIEW):
        return {}
    return dict(named_texts(question.show)) if isinstance(question.show, dict) else {}


async def _back_to_review(service: RunService, run: str, prompt: str) -> RunSession:
    """The run at the review of the step that wrote this prompt."""
    document = await service.show(run)
    model = prompt.partition(".")[0]
    homes = [category for category, found in document["prompts"].items() if model in found]
    if not homes:
        known = [name for found in document["prompts"].values() for name, _ in named_texts(found)]
        raise UnknownNameError("prompt", prompt, known)
    options = RunOptions(groups=document["selection"].get(homes[0]) or (), review=True)
    session = await service.retry(run, options)
    await session.advance()
    return session
