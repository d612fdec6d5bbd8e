"""Builds the document of a run from its view and its workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.catalog.ratios import nearest_ratio
from callsheet.catalog.rules import overlay
from callsheet.catalog.schemas import WRAPPER
from callsheet.costs.savings import InstructionSavings
from callsheet.documents import (
    OpenQuestion,
    PromptCoverage,
    PromptProblem,
    PromptWarning,
    QuestionOption,
    RunDocument,
    RunError,
)
from callsheet.errors import InputError
from callsheet.llm.tokens import count_tokens
from callsheet.loader.rendering import (
    CHOOSE_MODULE,
    INSTRUCTIONS_MODULE,
    ONLY_MODELS,
    SCHEMA_MODULE,
    SELECTION_MODULE,
    SELECTION_PREFIX,
    category_of,
    instructions_of_module,
    still_question,
)
from callsheet.runs.judged_prompts import judge_written, rejected_texts
from callsheet.templates import fill
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.costs.receipt import Receipt
    from callsheet.engine.run_view import RunView
    from callsheet.errors import CallsheetError
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.questions import Question
    from callsheet.workflow.definition import ModuleUse

STILL, YOUR_STILL = "still", "your still"
"""A variable of settings, and what it says: lines that use it are left out where there is no still."""


REVIEW = "review."
"""What the keys of questions that show all prompts of a step begin with."""


def run_document(
    bundle: WorkflowBundle,
    view: RunView,
    status: str,
    receipt: Receipt | None = None,
    unsaved: CallsheetError | None = None,
) -> RunDocument:
    """Return the run as it stands, in the form that `docs/cli.md` describes.

    `unsaved` is why a part of the run could not be stored.
    """
    results = bundle.definition.workflow.results
    selection, models, prompts = written_prompts(bundle, view)
    brief = resolve(results.brief, view.state, []) or {}
    finished = _with_finished(bundle, view, prompts, models)
    problems, warnings, coverage = judge_written(bundle, view, selection, finished)
    optional: dict[str, Any] = {
        "still": _still(bundle, view, models),
        "from_earlier_still": _from_earlier_still(bundle, view, finished),
        "unchanged": _unchanged(view, finished),
        "planned_models": _planned_models(bundle, view),
        "chosen": (chosen := chosen_values(bundle, view)),
    }
    optional = {name: value for name, value in optional.items() if value}
    if view.question is not None and status == "waiting":
        optional["question"] = _open_question(view.question, view.question_seq)
    optional |= _waits_for(view)
    if error := _error(view, unsaved):
        optional["error"] = error
    return RunDocument.model_construct(
        run=view.run,
        workflow=view.workflow,
        status=status,
        llm=view.llm,
        brief=brief,
        selection=selection,
        models=models,
        prompts=finished,
        settings=_settings(bundle, prompts, _fillable(brief, chosen, view, optional)),
        problems=problems,
        warnings=warnings,
        coverage=coverage,
        rejected=rejected_texts(view),
        usage=view.usage,
        savings=instruction_savings(bundle, view).document(wrote=_wrote(status, finished)),
        receipt=receipt and receipt.document(wrote=_wrote(status, finished)),
        **optional,
    )


def _waits_for(view: RunView) -> dict[str, Any]:
    until = {} if view.parked_until is None else {"until": view.parked_until}
    return until | ({"job": view.job} if view.job else {})


def _wrote(status: str, prompts: Mapping[str, Any]) -> bool:
    """Return whether there is anything that could have been saved: a failed run may have no prompt."""
    return status != "failed" or any(prompts.values())


def _error(view: RunView, unsaved: CallsheetError | None) -> RunError | None:
    if unsaved is not None:
        return RunError.model_construct(
            code=unsaved.code,
            message=unsaved.message,
            hint=unsaved.hint,
            step=view.step or "",
            module="",
        )
    if view.error is None:
        return None
    fields = view.error.model_dump(include={"code", "message", "hint", "step", "module"})
    return RunError.model_construct(**fields)


def _still(bundle: WorkflowBundle, view: RunView, models: Mapping[str, Sequence[str]]) -> JsonValue:
    """Return the still that the selected motion prompts are for; None where there is none."""
    found = still_question(bundle)
    if found is None or not models.get(category_of(bundle, found[0])):
        return None
    return resolve(bundle.definition.workflow.results.still, view.state, [])


def _from_earlier_still(
    bundle: WorkflowBundle, view: RunView, prompts: Mapping[str, Mapping[str, JsonValue]]
) -> list[str]:
    """List the models whose prompts are for another text of the still than it has now."""
    step, _ = still_question(bundle) or ("", "")
    for use in bundle.definition.workflow.step(step).modules if step else ():
        if use.module_id == CHOOSE_MODULE and step not in view.skipped:
            name, text = (
                view.state.get(use.outputs_to_state.get(n, "")) for n in ("name", "value")
            )
            options = resolve(use.inputs["options"], view.state, [])
            now = options.get(str(name)) if isinstance(options, dict) else None
            written = prompts.get(category_of(bundle, step), {})
            if now is not None and now != text:
                return [*written]
            return [model for model in written if model in _left_unwritten(bundle, view, step)]
    return []


def _left_unwritten(bundle: WorkflowBundle, view: RunView, step: str) -> set[str]:
    """Return the models that a failed attempt of this step was to write again and did not."""
    if view.step != step or view.status != "failed":
        return set()
    asked = next(
        (
            u.inputs
            for u in bundle.definition.workflow.step(step).modules
            if u.module_id == SCHEMA_MODULE
        ),
        {},
    )
    models = resolve(asked.get(ONLY_MODELS), view.state, [])
    names = {str(each) for each in models} if isinstance(models, list) else set()
    return {model for model in names if not any(model in path.split(".") for path in view.values)}


def _unchanged(view: RunView, prompts: Mapping[str, Mapping[str, JsonValue]]) -> list[str]:
    """List the models that the latest retry was to rewrite and whose prompts are as before."""
    if view.status == "running":
        return []
    every = _by_model(prompts)
    return [model for model, before in view.before.items() if every.get(model) == before]


def _planned_models(bundle: WorkflowBundle, view: RunView) -> dict[str, list[str]]:
    """Return what preset answers select in steps that have not asked for it yet."""
    chosen = {
        key.removeprefix(SELECTION_PREFIX): names
        for key, names in view.preset_answers.items()
        if key.startswith(SELECTION_PREFIX) and isinstance(names, list) and names
    }
    catalog = bundle.resources.catalog
    return {
        category: [*catalog.select([str(name) for name in names]).models]
        for category, names in chosen.items()
    }


def reviewed_prompts(view: RunView) -> dict[str, JsonValue] | None:
    """Return the prompts that the open review shows; None where no review is open."""
    question = view.question
    if question is None or not question.key.startswith(REVIEW):
        return None
    return question.show if isinstance(question.show, dict) else None


def chosen_values(bundle: WorkflowBundle, view: RunView) -> dict[str, str]:
    """Return what the LLM chose for fields that the brief leaves open."""
    results = bundle.definition.workflow.results
    brief, found = (resolve(each, view.state, []) for each in (results.brief, results.chosen))
    said = brief if isinstance(brief, dict) else {}
    return {
        name: str(value)
        for name, value in (found.items() if isinstance(found, dict) else ())
        if value and not said.get(name)
    }


def _open_question(question: Question, number: int) -> OpenQuestion:
    options = [
        QuestionOption.model_construct(None, **option.to_json()) for option in question.options
    ]
    return OpenQuestion.model_construct(number=number, **(vars(question) | {"options": options}))


def prompts_and_findings(
    bundle: WorkflowBundle, view: RunView
) -> tuple[
    dict[str, JsonValue], list[PromptProblem], list[PromptWarning], dict[str, PromptCoverage]
]:
    """Return a run's prompts by model, the rules that they still break, warnings, and coverage.

    The prompts that a failed module has finished are among them.
    """
    selection, models, prompts = written_prompts(bundle, view)
    prompts = _with_finished(bundle, view, prompts, models)
    return _by_model(prompts), *judge_written(bundle, view, selection, prompts)


def prompts_by_model(bundle: WorkflowBundle, view: RunView) -> dict[str, JsonValue]:
    """Return a run's prompts by model, with those that a failed module has finished."""
    _, models, prompts = written_prompts(bundle, view)
    return _by_model(_with_finished(bundle, view, prompts, models))


def _by_model(prompts: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    return {model: prompt for each in prompts.values() for model, prompt in each.items()}


def _selection(bundle: WorkflowBundle, found: JsonValue) -> dict[str, list[str]]:
    chosen = found if isinstance(found, dict) else {}
    return {
        category: bundle.resources.catalog.in_order(str(name) for name in names)
        for category, names in ((c, n if isinstance(n, list) else []) for c, n in chosen.items())
    }


def _models(
    bundle: WorkflowBundle, view: RunView, selection: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return the selected models by category: those of the selecting module, else whole groups."""
    catalog = bundle.resources.catalog
    models = {category: catalog.select(names).models for category, names in selection.items()}
    for step in bundle.definition.workflow.steps:
        for use in step.modules:
            if use.module_id == SELECTION_MODULE:
                chosen = view.state.get(use.outputs_to_state.get("selected_models", ""))
                category = str(use.inputs.get("group_category"))
                if isinstance(chosen, list) and category in models:
                    models[category] = [each for each in models[category] if each in chosen]
    return models


def written_prompts(
    bundle: WorkflowBundle, view: RunView
) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, dict[str, JsonValue]]]:
    """Return the selected groups, the selected models, and the prompts, each by category."""
    results = bundle.definition.workflow.results
    selection = _selection(bundle, resolve(results.selection, view.state, []))
    models = _models(bundle, view, selection)
    found = resolve(results.prompts, view.state, [])
    if view.step and isinstance(found, dict) and (shown := reviewed_prompts(view)):
        found |= {category_of(bundle, view.step): shown}
    return selection, models, _prompts(found, models)


def _prompts(
    found: JsonValue, models: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, JsonValue]]:
    """Return the prompts of the selected models, in the order of the config."""
    prompts: dict[str, dict[str, JsonValue]] = {}
    for category, written in (found if isinstance(found, dict) else {}).items():
        texts = written if isinstance(written, dict) else {}
        known = models.get(category, texts)
        prompts[category] = {model: texts[model] for model in known if model in texts}
    return prompts


def _with_finished(
    bundle: WorkflowBundle,
    view: RunView,
    prompts: dict[str, dict[str, JsonValue]],
    models: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, JsonValue]]:
    """Add the prompts that the module being executed has finished."""
    groups = bundle.resources.catalog.groups()
    homes = {model: group.category for group in groups for model in group.models}
    found: JsonValue = {category: {**texts} for category, texts in prompts.items()}
    for path, value in view.values.items():
        names = path.removeprefix(f"{WRAPPER}.").split(".")
        if names[0] in homes:
            for name in reversed([homes[names[0]], *names]):
                value = {name: value}  # noqa: PLW2901  # built from the inside out
            found = overlay(found, value)
    return _prompts(found, models)


def _fillable(
    brief: JsonValue, chosen: Mapping[str, str], view: RunView, optional: Mapping[str, Any]
) -> dict[str, JsonValue]:
    """Return what the lines of settings may use: the brief, and the still where there is one."""
    images = (value for value in view.state.values() if isinstance(value, dict))
    has_still = "still" in optional or any("hash" in each for each in images)
    still = {STILL: YOUR_STILL} if has_still else {}
    return {**(brief if isinstance(brief, dict) else {}), **chosen, **still}


def _settings(
    bundle: WorkflowBundle,
    prompts: dict[str, dict[str, JsonValue]],
    filled: Mapping[str, JsonValue],
) -> dict[str, list[str]]:
    """Return what a person must set outside each prompt, as far as these values say it.

    A group takes the aspect ratio that it has nearest to the brief's.
    """
    group_of = {m: group for group in bundle.resources.catalog.groups() for m in group.models}
    found = {}
    for model in (model for texts in prompts.values() for model in texts):
        if group := group_of.get(model):
            ratio = nearest_ratio(str(filled.get("aspect_ratio") or ""), group.aspect_ratios)
            variables = {**filled, "aspect_ratio": ratio} if ratio else filled
            found[model] = [*_filled(group.settings.get(model, ()), variables)]
    return {model: lines for model, lines in found.items() if lines}


def _filled(lines: Sequence[str], brief: Mapping[str, JsonValue]) -> Iterator[str]:
    for line in lines:
        try:
            yield fill(line, brief)
        except InputError:
            # The line uses a field that this workflow's brief does not have, or a still.
            continue


def instruction_savings(bundle: WorkflowBundle, view: RunView) -> InstructionSavings:
    """Count the instruction tokens of the executed steps, beside those of all their groups."""
    total = InstructionSavings()
    for step, use in _finished_modules(bundle, view):
        if use.module_id == INSTRUCTIONS_MODULE and step not in view.skipped:
            selected = resolve(use.inputs["selected_groups"], view.state, [])
            names = [str(name) for name in selected] if isinstance(selected, list) else []
            given = use.inputs.get("group_instructions")
            catalog = bundle.resources.catalog
            every = catalog.siblings(given if isinstance(given, dict) else names, "")
            every = catalog.current(every, catalog.select(names).groups)
            only = resolve(use.inputs.get(ONLY_MODELS), view.state, [])
            if isinstance(only, list):
                names = catalog.names_of(names, {*map(str, only)})
            # Without a prompt to write there was no call, and nothing was sent.
            sent = count_tokens(instructions_of_module(bundle, use, names)) if names else 0
            total += InstructionSavings(
                sent, count_tokens(instructions_of_module(bundle, use, every))
            )
    return total


def _finished_modules(bundle: WorkflowBundle, view: RunView) -> Iterator[tuple[str, ModuleUse]]:
    """Yield the modules that have finished in their step's latest attempt."""
    for step in bundle.definition.workflow.steps:
        if step.step_id not in view.attempts:
            continue
        in_progress = view.step == step.step_id
        for use in step.modules[: view.module if in_progress else None]:
            yield step.step_id, use
