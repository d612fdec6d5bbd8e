"""Turns what a person said beforehand into answers by question key, or says what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import AnswerError, InputError, UnknownNameError
from callsheet.events import Manner
from callsheet.modules.registry import find_module
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.pictures import Picture

FORM = "user.form"
"""The module whose fields without a default are asked in any case."""

SELECTION = "groups."
"""What the key of a question about model groups begins with."""


def questions(production: Production) -> Iterator[tuple[str, Question]]:
    """Every question that can be answered beforehand, with the step that asks it."""
    for step in production.document.workflow.steps:
        for use in step.modules:
            for question in find_module(use.module_id).asks(use.inputs, production.materials):
                yield step.step_id, question


def tell(
    production: Production,
    brief: Mapping[str, str],
    groups: Sequence[str] | None,
    picture: Picture | None = None,
) -> dict[str, JsonValue]:
    """The answers to a workflow's questions; raises InputError for one that does not fit."""
    answers: dict[str, JsonValue] = {}
    known = fields(production)
    for key, value in brief.items():
        if key not in known:
            raise UnknownNameError("field", key, known)
        answers[key] = parse_answer(known[key], value)
    if groups is not None:
        answers |= tell_groups(production, groups)
    if picture is not None:
        answers[_picture_question(production)[1].key] = picture.to_json()
    return answers


def fields(production: Production) -> dict[str, Question]:
    """Everything that can be told beforehand beside the groups, by its key."""
    return {q.key: q for _, q in questions(production) if q.kind not in ("choices", "picture")}


def required(production: Production) -> list[str]:
    """The fields that must be told where nobody can be asked, by their keys."""
    return [
        question.key
        for step in production.document.workflow.steps
        for use in step.modules
        if use.module_id == FORM
        for question in find_module(FORM).asks(use.inputs, production.materials)
        if question.default is None
    ]


def check_picture(production: Production, answers: Mapping[str, JsonValue]) -> None:
    """Raises InputError where a picture was told, and the step that it is for is told to be skipped."""
    step, _ = _picture_question(production)
    chosen = [
        answers[q.key]
        for asking, q in questions(production)
        if asking == step and q.kind == "choices" and q.key in answers
    ]
    if chosen and not any(chosen):
        raise InputError(
            f"the picture is for the step `{step}`, and no group was chosen for that",
            hint="add one to the groups (`callsheet groups` lists them), or leave the picture out",
        )


def _picture_question(production: Production) -> tuple[str, Question]:
    """The question for a picture, and the step that asks it; raises InputError where none does."""
    found = next((each for each in questions(production) if each[1].kind == "picture"), None)
    if found is None:
        raise InputError(
            f"the workflow `{production.name}` asks for no picture",
            hint="leave the picture out, or use the module `user.picture` in one of its steps",
        )
    return found


def tell_groups(production: Production, groups: Sequence[str]) -> dict[str, JsonValue]:
    """The selection of each category that the workflow asks for; none of a category is an answer."""
    asked = {q.key: q for _, q in questions(production) if q.kind == "choices"}
    names = {option.name: key for key, q in asked.items() for option in q.options}
    if not asked:
        raise InputError(f"the workflow `{production.name}` asks for no model groups")
    chosen: dict[str, list[str]] = {key: [] for key in asked}
    for group in groups:
        if group == "all":
            chosen = {key: [option.name for option in q.options] for key, q in asked.items()}
        elif group in names:
            chosen[names[group]].append(group)
        else:
            raise UnknownNameError("model group", group, names)
    if not any(chosen.values()):
        raise AnswerError("no model group was chosen", hint=f"known: {', '.join(names)}")
    return {key: parse_answer(asked[key], [*wanted]) for key, wanted in chosen.items()}


def manner(*, told_groups: bool, yes: bool, review: bool) -> Manner:
    """How questions are treated.

    Who names the groups beforehand wants no choice with a default put to them; `yes` takes every
    default; `review` has the review asked all the same.
    """
    ask = ("review",) if review else ()
    if yes:
        return Manner(accept=("text", "choice", "choices", "picture"), ask=ask)
    return Manner(accept=("choice", "picture") if told_groups else (), ask=ask)
