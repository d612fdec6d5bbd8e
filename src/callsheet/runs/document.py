"""What a run has brought: the document that every face shows."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from callsheet.catalog.rules import find_errors, narrow, overlay
from callsheet.catalog.schemas import WRAPPER
from callsheet.costs.savings import InstructionSavings
from callsheet.costs.tokens import count_tokens
from callsheet.engine.run_view import RunView
from callsheet.errors import InputError
from callsheet.events import RunFailed, StepFinished
from callsheet.loader.rendering import (
    INSTRUCTIONS_MODULE,
    SCHEMA_MODULE,
    SELECTION_MODULE,
    comparison_texts,
    instructions_of_module,
    render_schema,
)
from callsheet.templates import fill
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.costs.receipt import Receipt
    from callsheet.events import RecordedEvent
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.workflow.definition import ModuleUse


def run_document(
    bundle: WorkflowBundle, view: RunView, status: str, receipt: Receipt | None = None
) -> dict[str, Any]:
    """The run as one JSON object, in the form that `docs/cli.md` promises."""
    results = bundle.definition.workflow.results
    selection = _selection(bundle, resolve(results.selection, view.state, []))
    prompts = _prompts(bundle, resolve(results.prompts, view.state, []), selection)
    brief = resolve(results.brief, view.state, []) or {}
    document: dict[str, Any] = {
        "run": view.run,
        "workflow": view.workflow,
        "status": status,
        "llm": view.llm,
        "brief": brief,
        "selection": selection,
        "prompts": _with_finished(bundle, view, prompts, selection),
        "settings": _settings(bundle, prompts, brief),
        "problems": list(_problems(bundle, view, selection, prompts)),
        "usage": asdict(view.usage),
        "savings": instruction_savings(bundle, view).to_json(),
        "receipt": receipt.to_json() if receipt else None,
    }
    if view.question is not None and status == "waiting":
        document["question"] = {"number": view.question_seq} | view.question.to_json()
    if view.parked_until is not None:
        document["until"] = view.parked_until
    if view.error is not None:
        document["error"] = {
            "code": view.error.code,
            "message": view.error.message,
            "hint": view.error.hint,
            "step": view.error.step,
            "module": view.error.module,
        }
    return document


def prompts_and_problems(
    bundle: WorkflowBundle, view: RunView
) -> tuple[dict[str, JsonValue], list[dict[str, str]]]:
    """Every prompt of a run by its model, and the rules they still break."""
    results = bundle.definition.workflow.results
    selection = _selection(bundle, resolve(results.selection, view.state, []))
    prompts = _prompts(bundle, resolve(results.prompts, view.state, []), selection)
    every = {model: prompt for each in prompts.values() for model, prompt in each.items()}
    return every, list(_problems(bundle, view, selection, prompts))


def work_in_progress(bundle: WorkflowBundle, view: RunView) -> dict[str, Any] | None:
    """The step under way: which prompts are being written, and which of them are there already."""
    if view.step is None or view.status != "running":
        return None
    uses = bundle.definition.workflow.step(view.step).modules
    category = next(
        (u.inputs.get("group_category") for u in uses if u.module_id == SELECTION_MODULE), None
    )
    asked = next((use.inputs for use in uses if use.module_id == SCHEMA_MODULE), {})
    models = resolve(asked.get("only_models"), view.state, [])
    return {
        "step": view.step,
        "attempt": view.attempt,
        "category": category,
        "models": models if isinstance(models, list) else [],
        "finished": {name.removeprefix(f"{WRAPPER}."): text for name, text in view.values.items()},
    }


def list_attempts(bundle: WorkflowBundle, facts: Sequence[RecordedEvent]) -> list[dict[str, Any]]:
    """Every ended attempt of every step, with its category's prompts as they stood then.

    A step that asks for no model groups has no prompts of its own.
    """
    found: list[dict[str, Any]] = []
    view = RunView("")
    for recorded in facts:
        step, attempt = view.step, view.attempt
        view.apply(recorded)
        event = recorded.event
        if step is None or not isinstance(event, (StepFinished, RunFailed)):
            continue
        result = event.result if isinstance(event, StepFinished) else "failed"
        prompts = _prompts_of_step(bundle, view, step) if result != "failed" else {}
        found.append(
            {
                "step": step,
                "attempt": attempt,
                "result": result,
                "ended": recorded.at,
                "prompts": prompts,
            }
        )
    return found


def _prompts_of_step(bundle: WorkflowBundle, view: RunView, step: str) -> dict[str, JsonValue]:
    results = bundle.definition.workflow.results
    selection = _selection(bundle, resolve(results.selection, view.state, []))
    every = _prompts(bundle, resolve(results.prompts, view.state, []), selection)
    asked = [
        str(use.inputs.get("group_category"))
        for use in bundle.definition.workflow.step(step).modules
        if use.module_id == SELECTION_MODULE
    ]
    return {name: text for category in asked for name, text in every.get(category, {}).items()}


def _selection(bundle: WorkflowBundle, found: JsonValue) -> dict[str, list[str]]:
    chosen = found if isinstance(found, dict) else {}
    return {
        category: bundle.resources.catalog.in_order(str(name) for name in names)
        for category, names in ((c, n if isinstance(n, list) else []) for c, n in chosen.items())
    }


def _prompts(
    bundle: WorkflowBundle, found: JsonValue, selection: dict[str, list[str]]
) -> dict[str, dict[str, JsonValue]]:
    """The prompts of the selected groups' models, in the order of the config."""
    prompts: dict[str, dict[str, JsonValue]] = {}
    catalog = bundle.resources.catalog
    for category, written in (found if isinstance(found, dict) else {}).items():
        texts = written if isinstance(written, dict) else {}
        groups = selection.get(category)
        if groups is None:
            prompts[category] = texts
            continue
        models = [model for name in groups for model in catalog.group(name).models]
        prompts[category] = {model: texts[model] for model in models if model in texts}
    return prompts


def _with_finished(
    bundle: WorkflowBundle,
    view: RunView,
    prompts: dict[str, dict[str, JsonValue]],
    selection: dict[str, list[str]],
) -> dict[str, dict[str, JsonValue]]:
    """The prompts, and those that the module at work has finished although it has not ended."""
    groups = bundle.resources.catalog.groups()
    category_of = {model: group.category for group in groups for model in group.models}
    found: JsonValue = {category: {**texts} for category, texts in prompts.items()}
    for path, value in view.values.items():
        names = path.removeprefix(f"{WRAPPER}.").split(".")
        if names[0] in category_of:
            for name in reversed([category_of[names[0]], *names]):
                value = {name: value}  # noqa: PLW2901  # built from the inside out
            found = overlay(found, value)
    return _prompts(bundle, found, selection)


def _settings(
    bundle: WorkflowBundle, prompts: dict[str, dict[str, JsonValue]], brief: JsonValue
) -> dict[str, list[str]]:
    """What a person must set outside each prompt, as far as the brief tells it."""
    told = {
        model: lines
        for group in bundle.resources.catalog.groups()
        for model, lines in group.settings.items()
    }
    variables = brief if isinstance(brief, dict) else {}
    found = {
        model: [*_filled(told.get(model, ()), variables)]
        for texts in prompts.values()
        for model in texts
    }
    return {model: lines for model, lines in found.items() if lines}


def _filled(lines: Sequence[str], brief: Mapping[str, JsonValue]) -> Iterator[str]:
    for line in lines:
        try:
            yield fill(line, brief)
        except InputError:
            # It speaks of something that this workflow's brief does not have.
            continue


def _problems(
    bundle: WorkflowBundle,
    view: RunView,
    selection: dict[str, list[str]],
    prompts: dict[str, dict[str, JsonValue]],
) -> Iterator[dict[str, str]]:
    """Rules that delivered prompts still break, found anew with their groups' schemas."""
    for category, texts in prompts.items():
        if not texts or not selection.get(category):
            continue
        schema = _schema_of(bundle, tuple(selection[category]), frozenset(texts))
        others = comparison_texts(bundle, category, view.state)
        for finding in find_errors({WRAPPER: texts}, schema, others):
            model = ".".join(finding.path[1:])
            yield {"model": model, "rule": finding.rule, "message": finding.message}


@lru_cache(maxsize=32)
def _schema_of(
    bundle: WorkflowBundle, groups: tuple[str, ...], models: frozenset[str]
) -> dict[str, JsonValue]:
    """The schema of these groups' models that have a prompt."""
    return narrow(render_schema(bundle, groups), {(WRAPPER, model) for model in models})


def instruction_savings(bundle: WorkflowBundle, view: RunView) -> InstructionSavings:
    """What the instructions of the steps carried out took, beside those of all their groups."""
    total = InstructionSavings()
    for step, use in _finished_modules(bundle, view):
        if use.module_id == INSTRUCTIONS_MODULE and step not in view.skipped:
            selected = resolve(use.inputs["selected_groups"], view.state, [])
            names = [str(name) for name in selected] if isinstance(selected, list) else []
            told = use.inputs.get("group_instructions")
            every = bundle.resources.catalog.siblings(told if isinstance(told, dict) else names, "")
            # With nothing to write there was no call, and nothing was sent at all.
            sent = count_tokens(instructions_of_module(bundle, use, names)) if names else 0
            total += InstructionSavings(
                sent, count_tokens(instructions_of_module(bundle, use, every))
            )
    return total


def _finished_modules(bundle: WorkflowBundle, view: RunView) -> Iterator[tuple[str, ModuleUse]]:
    """The modules that have finished in their step's latest attempt."""
    for step in bundle.definition.workflow.steps:
        if step.step_id not in view.attempts:
            continue
        at_work = view.step == step.step_id
        for use in step.modules[: view.module if at_work else None]:
            yield step.step_id, use
