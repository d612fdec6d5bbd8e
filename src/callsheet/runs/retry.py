"""Decides what a retry is: which step is done again, which prompts anew, and what is known before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.rules import joined, leaves
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import InputError, UnknownNameError
from callsheet.loader.rendering import SELECTION_PREFIX
from callsheet.runs.inputs import preset_questions
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.engine.run_view import RunView
    from callsheet.loader.bundle import WorkflowBundle

PLAN, COLLECT = "prompt.plan_writing", "prompt.collect"


def models_to_rewrite(bundle: WorkflowBundle, rewrite: Sequence[str]) -> tuple[str, ...]:
    """The models whose prompts are not to be kept; raises UnknownNameError."""
    for model in rewrite:
        if model != "all":
            bundle.resources.catalog.group_of(model)
    return tuple(rewrite)


def deselected(bundle: WorkflowBundle, categories: Sequence[str]) -> dict[str, JsonValue]:
    """The answer that no group of these categories is wanted; raises UnknownNameError."""
    selecting = {q.key for _, q in preset_questions(bundle) if q.key.startswith(SELECTION_PREFIX)}
    known = [key.removeprefix(SELECTION_PREFIX) for key in selecting]
    for category in categories:
        if category not in known:
            raise UnknownNameError("category", category, known)
    return {f"{SELECTION_PREFIX}{category}": [] for category in categories}


def step_to_retry(
    bundle: WorkflowBundle,
    view: RunView,
    told: Mapping[str, JsonValue],
    rewrite: Sequence[str],
    none: Collection[str] = (),
) -> str:
    """The step that failed, else the earliest whose groups are named, else the last generation.

    `none` are questions to which no group at all is the answer: their steps are named too.
    """
    if view.status == "failed" and view.step is not None:
        return view.step
    asked = [*preset_questions(bundle)]
    selecting = {q.key: step for step, q in asked if q.key.startswith(SELECTION_PREFIX)}
    catalog = bundle.resources.catalog
    anew = {f"{SELECTION_PREFIX}{catalog.group_of(m).category}" for m in rewrite if m != "all"}
    anew |= {*none}
    named = [
        step
        for step, q in asked
        if (q.key in selecting or q.kind == "picture") and (told.get(q.key) or q.key in anew)
    ]
    if named:
        return named[0]
    attempted = [step for step in selecting.values() if step in view.attempts]
    done = [step for step in attempted if step not in view.skipped]
    if not (done or attempted):
        raise InputError(f"the run {view.run} has no step to retry yet", hint="resume it first")
    return (done or attempted)[-1]


def preset_answers(
    bundle: WorkflowBundle,
    view: RunView,
    step: str,
    told: Mapping[str, JsonValue],
    rewrite: Sequence[str],
) -> dict[str, JsonValue]:
    """What a retry begins with: what is told now, and what was said in the steps after.

    `--groups` speaks only of the categories it names: an empty selection of another is no answer.
    """
    now = {k: v for k, v in told.items() if v or not k.startswith(SELECTION_PREFIX)}
    workflow = bundle.definition.workflow
    later = [each.step_id for each in workflow.steps[workflow.position(step) + 1 :]]
    before = dict(view.told)
    for each in later:
        before |= {
            k: v for k, v in view.said.get(each, {}).items() if k.startswith(SELECTION_PREFIX)
        }
    if told or rewrite:
        # Whoever names groups or prompts is asked about no category, this step's own included.
        kept = view.said.get(step, {})
        before |= {k: v for k, v in kept.items() if k.startswith(SELECTION_PREFIX)}
    return before | now


def finished_prompts(view: RunView, bundle: WorkflowBundle) -> dict[str, JsonValue]:
    """What the attempt that never ended had finished, put to the prompts at hand, by its state key.

    `production` is the run's own, as kept: the plan of that attempt says what each was made from.
    """
    if view.step is None or not view.values:
        return {}
    modules = bundle.definition.workflow.step(view.step).modules
    keys = {use.module_id: use.outputs_to_state for use in modules}
    planned = view.state.get(keys.get(PLAN, {}).get("made_from", ""))
    key = keys.get(COLLECT, {}).get("at_hand")
    schema = resolve(modules[view.module].inputs.get("output_schema"), view.state, [])
    if not isinstance(planned, dict) or key is None:
        return {}
    whole = {
        model: {"prompt": prompt, "made_from": planned[model]}
        for model, prompt in _whole_prompts(view.values, schema)
        if model in planned
    }
    before = view.state.get(key)
    return {key: {**(before if isinstance(before, dict) else {}), **whole}} if whole else {}


def _whole_prompts(
    values: Mapping[str, JsonValue], schema: JsonValue
) -> Iterator[tuple[str, JsonValue]]:
    """The models of which every text is there, each with its prompt."""
    for model, node in models_in(schema).items():
        texts = {path: values.get(".".join((WRAPPER, *path))) for path in leaves(node, (model,))}
        if None not in texts.values():
            yield model, joined(texts.items())[model]
