"""Parses brief, groups and image into preset answers by question key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import AnswerError, InputError, UnknownNameError
from callsheet.modules.registry import find_module
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.images import Image
    from callsheet.loader.bundle import WorkflowBundle

FORM_MODULE = "user.form"
"""The module whose fields without a default need an answer."""


def preset_questions(bundle: WorkflowBundle) -> Iterator[tuple[str, Question]]:
    """Yield every question that can be answered beforehand, with the step that asks it."""
    for step in bundle.definition.workflow.steps:
        for use in step.modules:
            for question in find_module(use.module_id).asks(use.inputs, bundle.resources):
                yield step.step_id, question


def parse_inputs(
    bundle: WorkflowBundle,
    brief: Mapping[str, str],
    groups: Sequence[str] | None,
    image: Image | None = None,
) -> dict[str, JsonValue]:
    """Parse the answers to a workflow's questions; raises InputError for one that does not fit."""
    answers: dict[str, JsonValue] = {}
    known = brief_fields(bundle)
    for key, value in brief.items():
        if key not in known:
            raise UnknownNameError("field", key, known)
        answers[key] = parse_answer(known[key], value)
    if groups is not None:
        answers |= parse_selection(bundle, groups)
    if image is not None:
        answers[_image_question(bundle)[1].key] = image.to_json()
    return answers


def brief_fields(bundle: WorkflowBundle) -> dict[str, Question]:
    """Return the questions that the brief can answer, by their keys."""
    return {q.key: q for _, q in preset_questions(bundle) if q.kind not in ("choices", "picture")}


def required_fields(bundle: WorkflowBundle) -> list[str]:
    """Return the keys of the fields that must be given where nobody can be asked."""
    return [
        question.key
        for step in bundle.definition.workflow.steps
        for use in step.modules
        if use.module_id == FORM_MODULE
        for question in find_module(FORM_MODULE).asks(use.inputs, bundle.resources)
        if question.default is None
    ]


def check_image_used(bundle: WorkflowBundle, answers: Mapping[str, JsonValue]) -> None:
    """Raise InputError where an image was given for a step that the selection skips."""
    step, _ = _image_question(bundle)
    selections = [
        answers[q.key]
        for asking, q in preset_questions(bundle)
        if asking == step and q.kind == "choices" and q.key in answers
    ]
    if selections and not any(selections):
        raise InputError(
            f"the picture is for the step `{step}`, and no group was chosen for that",
            hint="add one to the groups (`callsheet groups` lists them), or leave the picture out",
        )


def _image_question(bundle: WorkflowBundle) -> tuple[str, Question]:
    """Return the question for an image and the step that asks it; raises InputError."""
    found = next((each for each in preset_questions(bundle) if each[1].kind == "picture"), None)
    if found is None:
        raise InputError(
            f"the workflow `{bundle.name}` asks for no picture",
            hint="leave the picture out, or use the module `user.picture` in one of its steps",
        )
    return found


def parse_selection(bundle: WorkflowBundle, groups: Sequence[str]) -> dict[str, JsonValue]:
    """Parse groups into a selection for each category that the workflow asks for; it may be empty."""
    questions = {q.key: q for _, q in preset_questions(bundle) if q.kind == "choices"}
    names = {option.name: key for key, q in questions.items() for option in q.options}
    if not questions:
        raise InputError(f"the workflow `{bundle.name}` asks for no model groups")
    chosen: dict[str, list[str]] = {key: [] for key in questions}
    for group in groups:
        if group == "all":
            chosen = {
                key: [option.name for option in q.options if not option.unavailable]
                for key, q in questions.items()
            }
        elif group in names:
            chosen[names[group]].append(group)
        else:
            raise UnknownNameError("model group", group, names)
    if not any(chosen.values()):
        raise AnswerError("no model group was chosen", hint=f"known: {', '.join(names)}")
    return {key: parse_answer(questions[key], [*wanted]) for key, wanted in chosen.items()}
