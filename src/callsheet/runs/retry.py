"""Plans a retry: the step to start at, the prompts to rewrite, and the preset answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.rules import joined, leaves
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import InputError, StateConflictError, UnknownNameError
from callsheet.loader.rendering import SELECTION_PREFIX, still_question
from callsheet.runs.document import prompts_by_model
from callsheet.runs.inputs import check_still, preset_questions
from callsheet.workflow.references import resolve, state_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.engine.run_view import RunView
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.runs.options import RunOptions

PLAN, COLLECT = "prompt.plan_writing", "prompt.collect"

TEXT_KINDS = ("text", "lines")
"""The kinds of questions that the fields of a brief are."""


def models_to_rewrite(bundle: WorkflowBundle, rewrite: Sequence[str]) -> tuple[str, ...]:
    """Return the models whose prompts are rewritten; raises UnknownNameError."""
    for model in rewrite:
        if model != "all":
            bundle.resources.catalog.group_of(model)
    return tuple(rewrite)


def prompts_to_change(
    bundle: WorkflowBundle, view: RunView, options: RunOptions
) -> dict[str, JsonValue]:
    """Return the prompts of the models to rewrite as they stand; raises InputError on a lone wish."""
    if options.wish.strip() and not options.rewrite:
        raise InputError(
            "a wish needs the prompts that it is to change", hint="name their models, or `all`"
        )
    if not options.rewrite:
        return {}
    prompts = prompts_by_model(bundle, view)
    names = prompts if "all" in options.rewrite else options.rewrite
    return {model: prompts[model] for model in names if model in prompts}


def deselected_answers(bundle: WorkflowBundle, categories: Sequence[str]) -> dict[str, JsonValue]:
    """Return empty selections for these categories; raises UnknownNameError."""
    selecting = {q.key for _, q in preset_questions(bundle) if q.key.startswith(SELECTION_PREFIX)}
    known = [key.removeprefix(SELECTION_PREFIX) for key in selecting]
    for category in categories:
        if category not in known:
            raise UnknownNameError("category", category, known)
    return {f"{SELECTION_PREFIX}{category}": [] for category in categories}


def brief_step(
    bundle: WorkflowBundle, preset: Mapping[str, JsonValue], step: str | None = None
) -> str | None:
    """Return the first step that asks for a preset field of the brief; None where there is none.

    Raises InputError where a later `step` is named: the field would not be read.
    """
    asked = {q.key: each for each, q in preset_questions(bundle) if q.kind in TEXT_KINDS}
    workflow = bundle.definition.workflow
    steps = sorted({asked[key] for key in preset if key in asked}, key=workflow.position)
    if steps and step and workflow.position(step) > workflow.position(steps[0]):
        raise InputError(
            f"the step `{step}` asks for none of the fields that were given",
            hint=f"leave the step out, or name `{steps[0]}`",
        )
    return steps[0] if steps else None


def reopened(
    bundle: WorkflowBundle, view: RunView, preset: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return the state without the choices of fields that are left open anew, by its keys."""
    chosen = bundle.definition.workflow.results.chosen
    state: dict[str, JsonValue] = {}
    for name, reference in chosen.items() if isinstance(chosen, dict) else ():
        for key in state_keys(reference) if preset.get(name) == "" else ():
            before = state.get(key, view.state.get(key))
            if isinstance(before, dict) and name in before:
                state[key] = {k: v for k, v in before.items() if k != name}
    return state


def step_to_retry(
    bundle: WorkflowBundle,
    view: RunView,
    preset: Mapping[str, JsonValue],
    rewrite: Sequence[str],
    deselected: Collection[str] = (),
) -> str:
    """Return the step of a preset field, else the failed one, one with groups or still, the last.

    `deselected` are the questions that are answered with an empty selection.
    """
    if field_step := brief_step(bundle, preset):
        return field_step
    if view.status == "failed" and view.step is not None:
        return view.step
    questions = [*preset_questions(bundle)]
    selecting = {q.key: step for step, q in questions if q.key.startswith(SELECTION_PREFIX)}
    _, still = still_question(bundle) or ("", "")
    catalog = bundle.resources.catalog
    affected = {f"{SELECTION_PREFIX}{catalog.group_of(m).category}" for m in rewrite if m != "all"}
    affected |= {*deselected}
    named = [
        step
        for step, q in questions
        if (q.key in selecting or q.kind == "picture" or q.key == still)
        and (preset.get(q.key) or q.key in affected)
    ]
    if named:
        return named[0]
    attempted = [step for step in selecting.values() if step in view.attempts]
    done = [step for step in attempted if step not in view.skipped]
    if not (done or attempted):
        raise StateConflictError(
            f"the run {view.run} has no step to retry yet", hint="resume it first"
        )
    return (done or attempted)[-1]


def preset_answers(
    bundle: WorkflowBundle,
    view: RunView,
    step: str,
    preset: Mapping[str, JsonValue],
    rewrite: Sequence[str],
) -> dict[str, JsonValue]:
    """Return a retry's preset answers: the new ones, and the selections of the later steps.

    `--groups` concerns only the categories it names: an empty selection of another is no answer.
    """
    new = {k: v for k, v in preset.items() if v or not k.startswith(SELECTION_PREFIX)}
    workflow = bundle.definition.workflow
    later_steps = [each.step_id for each in workflow.steps[workflow.position(step) + 1 :]]
    earlier = dict(view.preset_answers)
    for later in later_steps:
        earlier |= {
            k: v
            for k, v in view.answers_by_step.get(later, {}).items()
            if k.startswith(SELECTION_PREFIX)
        }
    if preset or rewrite:
        # With groups or prompts named, no category is asked about, this step's own included.
        answers = view.answers_by_step.get(step, {})
        earlier |= {k: v for k, v in answers.items() if k.startswith(SELECTION_PREFIX)}
        if brief_step(bundle, preset) == step:
            asked = {q.key for _, q in preset_questions(bundle) if q.kind in TEXT_KINDS}
            earlier |= {k: v for k, v in answers.items() if k in asked}
    return earlier | new


def with_valid_still(
    bundle: WorkflowBundle, view: RunView, answers: dict[str, JsonValue], still: str | None
) -> dict[str, JsonValue]:
    """Return a retry's answers without an earlier choice of a still that is no longer written.

    Raises InputError where `still` itself is not written.
    """
    _, key = still_question(bundle) or ("", "")
    earlier = view.preset_answers.get(key)
    if still is None and (earlier is None or answers.get(key) != earlier):
        return answers
    selections = {
        k: v
        for each in view.answers_by_step.values()
        for k, v in each.items()
        if k.startswith(SELECTION_PREFIX)
    }
    try:
        check_still(bundle, str(answers[key]), selections | answers)
    except InputError:
        if still is not None:
            raise
        return {k: v for k, v in answers.items() if k != key}
    return answers


def finished_prompts(view: RunView, bundle: WorkflowBundle) -> dict[str, JsonValue]:
    """Return an interrupted attempt's finished prompts with the existing ones, by their state key.

    `bundle` is the run's own, as stored: that attempt's plan says what each prompt was made from.
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
    kept = {} if (chosen := keys.get(COLLECT, {}).get("chosen")) is None else _choices(view, chosen)
    whole = {
        model: {"prompt": prompt, "made_from": planned[model]}
        for model, prompt in _whole_prompts(view.values, schema)
        if model in planned
    }
    before = view.state.get(key)
    found: JsonValue = {**(before if isinstance(before, dict) else {}), **whole}
    return {key: found, **kept} if whole else {}


def _choices(view: RunView, key: str) -> dict[str, JsonValue]:
    """Return what the run had chosen, with what the attempt chose beside its prompts."""
    before = view.state.get(key)
    now = {name: value for name, value in view.values.items() if not name.startswith(f"{WRAPPER}.")}
    return {key: {**(before if isinstance(before, dict) else {}), **now}} if now else {}


def _whole_prompts(
    values: Mapping[str, JsonValue], schema: JsonValue
) -> Iterator[tuple[str, JsonValue]]:
    """Yield each model that has all its texts, with its prompt."""
    for model, node in models_in(schema).items():
        texts = {path: values.get(".".join((WRAPPER, *path))) for path in leaves(node, (model,))}
        if None not in texts.values():
            yield model, joined(texts.items())[model]
