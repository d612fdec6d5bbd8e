"""Executes a run until it ends or a question is open.

Idempotent: what an event records is not done again, so a process may die at any point and another
continues after the last event.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from callsheet.engine.module_context import build_context, read_inputs
from callsheet.errors import (
    CallsheetError,
    InputError,
    InternalError,
    OverloadedError,
    StateConflictError,
)
from callsheet.events import (
    Event,
    OutputWritten,
    QuestionAnswered,
    QuestionAsked,
    RunFailed,
    RunFinished,
    RunParked,
    StepFinished,
    StepStarted,
)
from callsheet.llm.port import ReplyLaterError
from callsheet.modules.contract import Ask, Done, GoTo, Skip, Stop
from callsheet.modules.registry import find_module
from callsheet.modules.support.slow_patterns import pattern_places
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from callsheet.engine.journal import Journal
    from callsheet.engine.run_view import RunView
    from callsheet.llm.port import LLM
    from callsheet.modules.contract import Outcome, Resources
    from callsheet.workflow.definition import ModuleUse, WorkflowDefinition


@dataclass(frozen=True)
class RunContext:
    """What a run is executed with: workflow, resources of its modules, LLM and clock."""

    definition: WorkflowDefinition
    resources: Resources
    llm: LLM
    now: Callable[[], float] = time.time


async def advance(journal: Journal, context: RunContext) -> RunView:
    """Executes the run until it ends, fails or asks; returns its state.

    The last events may still be pending in the journal, to be stored when the lease ends.
    """
    view = journal.view
    _answer_open_question(journal)
    unsaved = False
    while view.status == "running":
        if view.step is None:
            _start_next_step(journal, context)
            continue
        modules = context.definition.workflow.step(view.step).modules
        if view.module >= len(modules):
            journal.defer(_finished(view, "done"))
            continue
        use = modules[view.module]
        if unsaved and not _is_repeatable(use):
            # Modules that cost nothing, and the end of the step or run, share the transaction.
            # Where that fails, the modules that cost nothing still complete what was received.
            await journal.try_append()
            unsaved = False
        unsaved = await _run_module(journal, context, use) or unsaved
    return view


def answer_question(
    view: RunView, value: JsonValue, *, idempotency_key: str = ""
) -> QuestionAnswered:
    """A person's answer to the open question; raises AnswerError where it does not fit."""
    if view.question is None:
        raise StateConflictError(
            f"the run {view.run} has no open question", hint=f"it is {view.status}"
        )
    answer = parse_answer(view.question, value)
    return _answered(view, view.question, answer).model_copy(update={"once": idempotency_key})


def _is_repeatable(use: ModuleUse) -> bool:
    """Whether a module costs nothing to run again; false where it cannot be found."""
    try:
        return find_module(use.module_id).repeatable
    except CallsheetError:
        return False


def _start_next_step(journal: Journal, context: RunContext) -> None:
    view, workflow = journal.view, context.definition.workflow
    if view.next_step is not None:
        position = workflow.position(view.next_step)
    elif view.last_step is not None:
        position = workflow.position(view.last_step) + 1
    else:
        position = 0
    if position == len(workflow.steps):
        journal.defer(RunFinished(result="succeeded"))
        return
    step = workflow.steps[position].step_id
    journal.defer(StepStarted(step=step, attempt=view.attempts.get(step, 0) + 1))


async def _run_module(journal: Journal, run_context: RunContext, use: ModuleUse) -> bool:
    """Runs the next module; an error is recorded as the run's failure.

    Returns whether its result must be stored before a module that costs something starts.
    """
    view = journal.view
    try:
        module = find_module(use.module_id)
        if journal.failure is not None and not module.repeatable:
            await journal.append()
        context = build_context(journal, run_context.resources, run_context.llm)
        with pattern_places(run_context.resources):
            outcome = await module.run(read_inputs(use, module, view), context)
    except ReplyLaterError:
        return False
    except OverloadedError as error:
        await journal.append(
            _failed(view, use.module_id, error, until=_parked_until(error, run_context))
        )
        return False
    except CallsheetError as error:
        if error is journal.failure:
            raise
        await journal.append(_failed(view, use.module_id, error))
        return False
    except Exception as error:
        defect = InternalError(
            f"{type(error).__name__} in callsheet's own code", hint="please report it, with --debug"
        )
        await journal.append(_failed(view, use.module_id, defect))
        raise defect from error
    if isinstance(outcome, Ask):
        _ask(journal, outcome.question)
        return False
    journal.defer(*_outcome_events(view, use, outcome))
    return not module.repeatable


def _outcome_events(view: RunView, use: ModuleUse, outcome: Outcome) -> list[Event]:
    match outcome:
        case Done(outputs=outputs):
            return [_written(view, use, outputs.model_dump(mode="json"))]
        case Skip(reason=reason, outputs=left):
            values = left.model_dump(mode="json") if left else {}
            return [_written(view, use, values), _finished(view, "skipped", reason=reason)]
        case GoTo(step=step):
            return [_finished(view, "left", then=step)]
        case Stop():
            return [_finished(view, "left"), RunFinished(result="stopped")]
        case Ask():
            raise AssertionError("a question is no outcome to record")
        case _:
            assert_never(outcome)


def _written(view: RunView, use: ModuleUse, outputs: dict[str, JsonValue]) -> OutputWritten:
    values = {key: outputs[name] for name, key in use.outputs_to_state.items() if name in outputs}
    # What was dumped as JSON needs no check that it is.
    return OutputWritten.model_construct(
        step=view.step or "", attempt=view.attempt, module=view.module, values=values
    )


def _finished(
    view: RunView, result: str, *, reason: str = "", then: str | None = None
) -> StepFinished:
    return StepFinished.model_validate(
        {
            "step": view.step,
            "attempt": view.attempt,
            "result": result,
            "reason": reason,
            "then": then,
        }
    )


def _failed(
    view: RunView, where: str, error: CallsheetError, *, until: float | None = None
) -> RunFailed | RunParked:
    """The run's failure; where the provider named a time, the run is parked until then."""
    fields = {
        "step": view.step,
        "attempt": view.attempt,
        "code": error.code,
        "module": where,
        "message": error.message,
        "hint": error.hint,
    }
    if until is not None:
        return RunParked.model_validate(fields | {"until": until})
    return RunFailed.model_validate(fields | {"exit_code": error.exit_code})


def _parked_until(error: OverloadedError, context: RunContext) -> float | None:
    return None if error.retry_after is None else context.now() + error.retry_after


def _ask(journal: Journal, question: Question) -> None:
    """Records the question, or only its answer where that is known."""
    view = journal.view
    known = _known_answer(view, question)
    asked = QuestionAsked(
        step=view.step or "",
        attempt=view.attempt,
        module=view.module,
        question=question.to_json(),
    )
    journal.defer(known or asked)


def _answer_open_question(journal: Journal) -> None:
    """Answers the open question where its answer is known by now."""
    view = journal.view
    if view.question is not None and (known := _known_answer(view, view.question)):
        journal.defer(known)


def _known_answer(
    view: RunView, question: Question
) -> QuestionAnswered | RunFailed | RunParked | None:
    """A preset answer, or the default where the policy takes it; None where a person must answer."""
    if question.key in view.preset_answers:
        try:
            # A preset answer may choose nothing, even where the question does not offer that.
            skippable = replace(question, may_skip=True)
            value = parse_answer(skippable, view.preset_answers[question.key])
        except InputError as error:
            return _failed(view, "preset answer", error)
        return _answered(view, question, value, by="told")
    if question.default is not None and _takes_default(view, question):
        return _answered(view, question, question.default, by="default")
    return None


def _takes_default(view: RunView, question: Question) -> bool:
    policy = view.question_policy
    accepted = question.kind in policy.accept and question.key.split(".")[0] not in policy.ask
    return question.unasked or accepted


def _answered(
    view: RunView, question: Question, value: JsonValue, *, by: str = "person"
) -> QuestionAnswered:
    return QuestionAnswered.model_validate(
        {
            "step": view.step,
            "attempt": view.attempt,
            "module": view.module,
            "key": question.key,
            "value": value,
            "by": by,
        }
    )
