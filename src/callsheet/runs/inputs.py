"""Turns what a person said beforehand into answers by question key, or says what does not fit."""

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
"""The module whose fields without a default are asked in any case."""


def preset_questions(bundle: WorkflowBundle) -> Iterator[tuple[str, Question]]:
    """Every question that can be answered beforehand, with the step that asks it."""
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
    """The answers to a workflow's questions; raises InputError for one that does not fit."""
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
    """Everything that can be told beforehand beside the groups, by its key."""
    return {q.key: q for _, q in preset_questions(bundle) if q.kind not in ("choices", "picture")}


def required_fields(bundle: WorkflowBundle) -> list[str]:
    """The fields that must be told where nobody can be asked, by their keys."""
    return [
        question.key
        for step in bundle.definition.workflow.steps
        for use in step.modules
        if use.module_id == FORM_MODULE
        for question in find_module(FORM_MODULE).asks(use.inputs, bundle.resources)
        if question.default is None
    ]


def check_image_used(bundle: WorkflowBundle, answers: Mapping[str, JsonValue]) -> None:
    """Raises InputError where a picture was told, and the step that it is for is told to be skipped."""
    step, _ = _image_question(bundle)
    chosen = [
        answers[q.key]
        for asking, q in preset_questions(bundle)
        if asking == step and q.kind == "choices" and q.key in answers
    ]
    if chosen and not any(chosen):
        raise InputError(
            f"the picture is for the step `{step}`, and no group was chosen for that",
            hint="add one to the groups (`callsheet groups` lists them), or leave the picture out",
        )


def _image_question(bundle: WorkflowBundle) -> tuple[str, Question]:
    """The question for a picture, and the step that asks it; raises InputError where none does."""
    found = next((each for each in preset_questions(bundle) if each[1].kind == "picture"), None)
    if found is None:
        raise InputError(
            f"the workflow `{bundle.name}` asks for no picture",
            hint="leave the picture out, or use the module `user.picture` in one of its steps",
        )
    return found


def parse_selection(bundle: WorkflowBundle, groups: Sequence[str]) -> dict[str, JsonValue]:
    """The selection of each category that the workflow asks for; none of a category is an answer."""
    asked = {q.key: q for _, q in preset_questions(bundle) if q.kind == "choices"}
    names = {option.name: key for key, q in asked.items() for option in q.options}
    if not asked:
        raise InputError(f"the workflow `{bundle.name}` asks for no model groups")
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
