"""Replaces a written prompt by a person's own text, at once and without a call.

A workflow keeps edits in its module `user.review`: apart from the texts of the LLM, so that a later
attempt of the step applies them again as long as the text that they replace stays the same.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from callsheet.catalog.rules import joined, overlay
from callsheet.catalog.schemas import WRAPPER
from callsheet.engine.run_view import fold
from callsheet.errors import StateConflictError, UnknownNameError
from callsheet.events import PromptEdited, QuestionAsked, RunFinished
from callsheet.exports.texts import named_texts
from callsheet.loader.rendering import REVIEW_MODULE
from callsheet.questions import Question, parse_answer
from callsheet.runs.document import REVIEW, reviewed_prompts
from callsheet.runs.session import ANSWER_SECONDS, POLL_SECONDS
from callsheet.store.port import LeaseError
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.engine.run_view import RunView
    from callsheet.events import Event
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession
    from callsheet.workflow.definition import ModuleUse


class EditedElsewhereError(StateConflictError):
    """The prompt was changed after the text that was edited; the error has the newer text."""

    code = "edited_elsewhere"

    def __init__(self, prompt: str, text: str, seq: int) -> None:
        super().__init__(
            f"{prompt} was changed elsewhere",
            hint="keep the newer text, or send the edit again with the newer `seq`",
        )
        self.prompt, self.text, self.seq = prompt, text, seq


@dataclass(frozen=True)
class Review:
    """A review of the workflow: its place, its prompts as the LLM wrote them and as they stand."""

    step: str
    module: int
    use: ModuleUse
    written: dict[str, str]
    prompts: Mapping[str, JsonValue]
    edits: Mapping[str, JsonValue]
    is_open: bool

    @property
    def texts(self) -> dict[str, str]:
        """Each text as it stands, by name."""
        return dict(named_texts(self.prompts))

    def edited(self, prompt: str, text: str) -> dict[str, JsonValue]:
        """Return the prompts with this text, and all edits, by the names of the state."""
        prompts = overlay({**self.prompts}, joined([(tuple(prompt.split(".")), text)]))
        assert isinstance(prompts, dict)  # noqa: S101  # it was one
        edits = {name: edit for name, edit in self.edits.items() if name not in self.written}
        edits |= {
            name: {"instead_of": self.written[name], "text": now}
            for name, now in named_texts(prompts)
            if name in self.written and now != self.written[name]
        }
        keys = self.use.outputs_to_state
        return {keys[name]: value for name, value in (("prompts", prompts), ("edits", edits))}


async def replace_prompt(  # noqa: PLR0913  # each is a field of the request
    service: RunService,
    run: str,
    prompt: str,
    text: str,
    *,
    seq: int | None = None,
    idempotency_key: str = "",
) -> RunSession:
    """Replace one prompt of a run; `MODEL.field` names one of several texts.

    The run stays where it is: a finished one is finished, an open question is asked again. `seq`
    is the number of the event up to which the edited text was read: raises EditedElsewhereError
    where it was changed since. Prompts that were made from the old text are left as they are.
    """
    parse_answer(Question(key=prompt, kind="lines", text=prompt), text)
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        session = await service.open(run)
        view = session.view
        review = _review_of(session.bundle, view, prompt)
        if seq is not None and seq < view.seq:
            events = await service.store.events(view.run)
            before = fold(view.run, events[:seq])
            _check_unchanged(session.bundle, before, review, prompt, view.seq)
        if review.texts[prompt] == text:
            return session
        edited = PromptEdited(
            step=review.step,
            module=review.module,
            prompt=prompt,
            text=text,
            values=review.edited(prompt, text),
            once=idempotency_key,
        )
        try:
            await session.record(edited, *_standing(view, review, edited))
        except LeaseError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_SECONDS / 10)
        else:
            return session


def _check_unchanged(
    bundle: WorkflowBundle, before: RunView, review: Review, prompt: str, seq: int
) -> None:
    """Raise EditedElsewhereError where the prompt had another text then."""
    earlier = next((r for r in _reviews(bundle, before) if prompt in r.texts), None)
    now = review.texts[prompt]
    if earlier is not None and earlier.texts[prompt] != now:
        raise EditedElsewhereError(prompt, now, seq)


def _review_of(bundle: WorkflowBundle, view: RunView, prompt: str) -> Review:
    """Return the review that keeps the edits of this prompt; raises UnknownNameError."""
    reviews = [*_reviews(bundle, view)]
    review = next((each for each in reviews if prompt in each.texts), None)
    if f"{WRAPPER}.{prompt}" in view.values:
        raise StateConflictError(
            f"{prompt} is not finished yet", hint="edit it once the run has finished"
        )
    if review is not None and not (review.is_open and reviewed_prompts(view) is None):
        return review
    if review is None and view.status in ("succeeded", "stopped"):
        raise UnknownNameError("prompt", prompt, [n for each in reviews for n in each.texts])
    raise StateConflictError(
        f"{prompt} cannot be edited yet",
        hint=f"the run {view.run} is {view.status}; answer what it asks, or resume it",
    )


def _reviews(bundle: WorkflowBundle, view: RunView) -> Iterator[Review]:
    """Yield each review that has prompts; during an open one they stand as it shows them."""
    for step in bundle.definition.workflow.steps:
        for module, use in enumerate(step.modules):
            keys = use.outputs_to_state
            if use.module_id != REVIEW_MODULE or not {"prompts", "edits"} <= {*keys}:
                continue
            written = resolve(use.inputs["prompts"], view.state, [])
            here = (view.step, view.module) == (step.step_id, module)
            is_open = here and view.question is not None
            edits = view.state.get(keys["edits"])
            shown = (reviewed_prompts(view) if is_open else None) or view.state.get(keys["prompts"])
            if isinstance(written, dict) and isinstance(shown, dict):
                texts = dict(named_texts(written))
                kept = edits if isinstance(edits, dict) else {}
                yield Review(step.step_id, module, use, texts, shown, kept, is_open)


def _standing(view: RunView, review: Review, edited: PromptEdited) -> Iterator[Event]:
    """Yield the event that says again where the run stands, for its last event tells its status."""
    if view.question is not None:
        question = view.question
        if review.is_open:
            shown = edited.values[review.use.outputs_to_state["prompts"]]
            question = replace(question, key=f"{REVIEW}{review.step}", show=shown)
        yield QuestionAsked(
            step=view.step or "",
            attempt=view.attempt,
            module=view.module,
            question=question.to_json(),
        )
    elif view.error is not None:
        yield view.error
    elif view.status in ("succeeded", "stopped"):
        yield RunFinished.model_validate({"result": view.status})
