"""Parses brief, groups and image into preset answers by question key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import AnswerError, InputError, UnknownNameError
from callsheet.loader.rendering import SELECTION_PREFIX, still_question, writes_single_models
from callsheet.modules.registry import find_module
from callsheet.modules.support.slow_patterns import pattern_places
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
    still: str | None = None,
) -> dict[str, JsonValue]:
    """Parse the answers to a workflow's questions; raises InputError for one that does not fit."""
    answers: dict[str, JsonValue] = {}
    known = brief_fields(bundle)
    for key, value in brief.items():
        if key not in known:
            raise UnknownNameError("field", key, known)
        with pattern_places(bundle.resources):
            answers[key] = parse_answer(known[key], value)
    if groups is not None:
        answers |= parse_selection(bundle, groups)
    if image is not None:
        answers[_image_question(bundle)[1].key] = image.to_json()
    if still is not None:
        answers[_still_question(bundle)[1]] = still
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
    _check_step_used(bundle, _image_question(bundle)[0], answers, "picture")


def check_still(bundle: WorkflowBundle, still: str, answers: Mapping[str, JsonValue]) -> None:
    """Raise InputError where this still is not written, or the step that it is for is skipped."""
    step, _ = _still_question(bundle)
    known: list[str] = []
    for asking, question in preset_questions(bundle):
        if asking == step:
            break
        if question.kind == "choices":
            every = [option.name for option in question.options]
            chosen = answers.get(question.key, every)
            names = map(str, chosen if isinstance(chosen, list) else [])
            known += bundle.resources.catalog.select(names).models
    if still not in known:
        raise UnknownNameError("still", still, known)
    _check_step_used(bundle, step, answers, "still")


def _still_question(bundle: WorkflowBundle) -> tuple[str, str]:
    """Return step and key of the question for a still; raises InputError."""
    found = still_question(bundle)
    if found is None:
        raise InputError(
            f"the workflow `{bundle.name}` asks for no still",
            hint="leave the still out, or name it in the workflow's `results`",
        )
    return found


def _check_step_used(
    bundle: WorkflowBundle, step: str, answers: Mapping[str, JsonValue], what: str
) -> None:
    selections = [
        answers[q.key]
        for asking, q in preset_questions(bundle)
        if asking == step and q.kind == "choices" and q.key in answers
    ]
    if selections and not any(selections):
        raise InputError(
            f"the {what} is for the step `{step}`, and no group was chosen for that",
            hint=f"add one to the groups (`callsheet groups` lists them), or leave the {what} out",
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
    """Parse groups into a selection for each category that the workflow asks for; it may be empty.

    `GROUP/MODEL` names one model of a group.
    """
    questions = {q.key: q for _, q in preset_questions(bundle) if q.kind == "choices"}
    names = {option.name: key for key, q in questions.items() for option in q.options}
    if not questions:
        raise InputError(f"the workflow `{bundle.name}` asks for no model groups")
    chosen: dict[str, list[str]] = {key: [] for key in questions}
    for group in groups:
        if group == "all":
            for key, q in questions.items():
                chosen[key] += [option.name for option in q.listed if not option.unavailable]
        elif (name := group.partition("/")[0]) in names:
            chosen[names[name]].append(group)
        else:
            raise _unknown_group(bundle, name, names)
    if not any(chosen.values()):
        listed = [option.name for q in questions.values() for option in q.listed]
        raise AnswerError("no model group was chosen", hint=f"known: {', '.join(listed)}")
    selection = {key: parse_answer(questions[key], [*wanted]) for key, wanted in chosen.items()}
    for key, value in selection.items():
        check_single_models(bundle, key, value)
    return selection


def _unknown_group(bundle: WorkflowBundle, name: str, known: Collection[str]) -> InputError:
    for group in bundle.resources.catalog.groups():
        if group.name in known and name in group.models:
            return InputError(
                f"{name!r} is a model, not a model group",
                hint=f"name it with its group: {group.name}/{name}",
            )
    return UnknownNameError("model group", name, known)


def check_single_models(bundle: WorkflowBundle, key: str, answer: JsonValue) -> None:
    """Raise InputError where one model of a group is chosen and the workflow writes for whole groups."""
    chosen = answer if isinstance(answer, list) and key.startswith(SELECTION_PREFIX) else []
    single = next((str(name) for name in chosen if "/" in str(name)), None)
    if single and not writes_single_models(bundle, key.removeprefix(SELECTION_PREFIX)):
        raise AnswerError(
            f"the workflow `{bundle.name}` writes for whole groups, not for `{single}` alone",
            hint=f"choose `{single.partition('/')[0]}`, or give its modules the selected models"
            " (docs/workflows.md)",
        )
