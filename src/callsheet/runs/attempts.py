"""What a stored run's document adds: the step being executed, and every ended attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.schemas import WRAPPER
from callsheet.documents import AttemptResult, StepAttempt, WorkInProgress
from callsheet.engine.run_view import RunView
from callsheet.events import PromptEdited, RunFailed, StepFinished
from callsheet.loader.rendering import ONLY_MODELS, SCHEMA_MODULE, SELECTION_MODULE
from callsheet.runs.document import written_prompts
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.events import RecordedEvent
    from callsheet.loader.bundle import WorkflowBundle


def work_in_progress(bundle: WorkflowBundle, view: RunView) -> WorkInProgress | None:
    """Return the step being executed, its models, and the prompts that are finished already."""
    if view.step is None or view.status != "running":
        return None
    uses = bundle.definition.workflow.step(view.step).modules
    category = next(
        (u.inputs.get("group_category") for u in uses if u.module_id == SELECTION_MODULE), None
    )
    asked = next((use.inputs for use in uses if use.module_id == SCHEMA_MODULE), {})
    models = resolve(asked.get(ONLY_MODELS), view.state, [])
    return WorkInProgress.model_construct(
        step=view.step,
        attempt=view.attempt,
        category=category,
        models=models if isinstance(models, list) else [],
        finished={
            name.removeprefix(f"{WRAPPER}."): text
            for name, text in view.values.items()
            if name.startswith(f"{WRAPPER}.")
        },
    )


def list_attempts(bundle: WorkflowBundle, events: Sequence[RecordedEvent]) -> list[StepAttempt]:
    """List every ended attempt of every step, and every edit, with the category's prompts then.

    A step that asks for no model groups has no prompts of its own.
    """
    attempts: list[StepAttempt] = []
    view = RunView("")
    is_edit = False
    for recorded in events:
        step, attempt = view.step, view.attempt
        follows_edit, is_edit = is_edit, isinstance(recorded.event, PromptEdited)
        view.apply(recorded)
        result: AttemptResult
        match recorded.event:
            case PromptEdited(step=step):
                attempt, result = view.attempts.get(step, 0), "edited"
            case StepFinished(result=result) if step is not None:
                pass
            case RunFailed() if step is not None and not follows_edit:
                result = "failed"
            case _:
                continue
        prompts = _prompts_of_step(bundle, view, step) if result != "failed" else {}
        attempts.append(
            StepAttempt.model_construct(
                step=step, attempt=attempt, result=result, ended=recorded.at, prompts=prompts
            )
        )
    return attempts


def _prompts_of_step(bundle: WorkflowBundle, view: RunView, step: str) -> dict[str, JsonValue]:
    _, _, every = written_prompts(bundle, view)
    asked = [
        str(use.inputs.get("group_category"))
        for use in bundle.definition.workflow.step(step).modules
        if use.module_id == SELECTION_MODULE
    ]
    return {name: text for category in asked for name, text in every.get(category, {}).items()}
