"""Replaces a written prompt by a person's own text, in the review that the workflow asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import StateConflictError, UnknownNameError
from callsheet.exports.texts import named_texts
from callsheet.loader.bundle import load_workflow
from callsheet.questions import Question, parse_answer
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from callsheet.engine.run_view import RunView
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession

REVIEW = "review."
"""Prefix of the keys of questions that show prompts."""


async def replace_prompt(
    service: RunService, run: str, prompt: str, text: str, *, idempotency_key: str = ""
) -> RunSession:
    """Replace one prompt of a run at its review; `MODEL.field` names one of several texts.

    A run that has ended goes back to its review and keeps everything that still fits. Prompts that
    were made from the old text are rewritten when the review is accepted.
    """
    parse_answer(Question(key=prompt, kind="lines", text=prompt), text)
    view = await service.view(run)
    if _prompts_under_review(view):
        session = await service.resume(run, RunOptions())
    elif view.status in ("succeeded", "stopped"):
        session = await _back_to_review(service, view, prompt)
    else:
        raise StateConflictError(
            f"the run {run} is not at its review", hint=f"it is {view.status}; wait, or resume it"
        )
    try:
        known = _prompts_under_review(session.view)
        if prompt not in known:
            raise UnknownNameError("prompt", prompt, known)
        for answer in ("edit", prompt, text):
            await session.answer(answer, idempotency_key=idempotency_key)
            await session.advance()
    finally:
        await session.close()
    return session


def _prompts_under_review(view: RunView) -> dict[str, str]:
    """Return the texts that the open review shows; none where no review is open."""
    question = view.question
    if question is None or not question.key.startswith(REVIEW):
        return {}
    return dict(named_texts(question.show)) if isinstance(question.show, dict) else {}


async def _back_to_review(service: RunService, view: RunView, prompt: str) -> RunSession:
    """Retry the step that wrote this prompt, up to its review."""
    document = await service.show(view.run)
    model = prompt.partition(".")[0]
    categories = [category for category, found in document.prompts.items() if model in found]
    if not categories:
        known = [name for found in document.prompts.values() for name, _ in named_texts(found)]
        raise UnknownNameError("prompt", prompt, known)
    catalog = load_workflow(view.source).resources.catalog
    chosen, models = (each.get(categories[0], []) for each in (document.selection, document.models))
    options = RunOptions(groups=catalog.names_of(chosen, models), review=True)
    session = await service.retry(view.run, options)
    await session.advance()
    return session
