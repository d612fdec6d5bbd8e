"""Carries a run on until it ends or a person must answer.

Idempotent: what a fact says is done is not done again, so a process may die anywhere and another
goes on from the last fact.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from callsheet.engine.module_context import build_context, read_inputs
from callsheet.errors import CallsheetError, InputError, InternalError, OverloadedError
from callsheet.events import (
    Event,
    Noted,
    OutputWritten,
    QuestionAnswered,
    QuestionAsked,
    RunFailed,
    RunFinished,
    RunParked,
    StepFinished,
    StepStarted,
)
from callsheet.modules.contract import Ask, Done, GoTo, Skip, Stop
from callsheet.modules.registry import find_module
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
    """What a run is carried out with: the workflow, what modules may look at, LLM and clock."""

    definition: WorkflowDefinition
    resources: Resources
    llm: LLM
    now: Callable[[], float] = time.time


async def advance(journal: Journal, cast: RunContext) -> RunView:
    """Goes on until the run ends, fails, or a question is open; answers with how it stands.

    What it came to last may wait in the journal, to be stored as the run is let go of.
    """
    view = journal.view
    _settle(journal)
    due = False
    while view.status == "running":
        if view.step is None:
            _next_step(journal, cast)
            continue
        modules = cast.definition.workflow.step(view.step).modules
        if view.module >= len(modules):
            journal.defer(_finished(view, "done"))
            continue
        if due:
            # Stored before another module begins, and not sooner: the end of the step, or of the
            # run, which comes of it at once, goes with it.
            await journal.append()
        due = await _run_module(journal, cast, modules[view.module])
    return view


def answer_question(view: RunView, value: JsonValue, *, once: str = "") -> QuestionAnswered:
    """A person's answer to the open question; raises AnswerError where it does not fit."""
    if view.question is None:
        raise InputError(f"the run {view.run} asks nothing", hint=f"it is {view.status}")
    said = parse_answer(view.question, value)
    return _answered(view, view.question, said).model_copy(update={"once": once})


def _next_step(journal: Journal, cast: RunContext) -> None:
    view, steps = journal.view, cast.definition.workflow.steps
    if view.then is not None:
        position = cast.definition.workflow.position(view.then)
    elif view.last_step is not None:
        position = cast.definition.workflow.position(view.last_step) + 1
    else:
        position = 0
    if position == len(steps):
        journal.defer(RunFinished(result="succeeded"))
        return
    step = steps[position].step_id
    journal.defer(StepStarted(step=step, attempt=view.attempts.get(step, 0) + 1))


async def _run_module(journal: Journal, cast: RunContext, use: ModuleUse) -> bool:
    """Runs the module that is next; whatever stops it is recorded as the run's failure.

    Answers whether its work must be stored before another begins.
    """
    view = journal.view
    notes: list[str] = []
    try:
        module = find_module(use.module_id)
        context = build_context(journal, cast.resources, cast.llm, notes.append)
        outcome = await module.run(read_inputs(use, module, view), context)
    except OverloadedError as error:
        await journal.append(_failed(view, use.module_id, error, until=_until(error, cast)))
        return False
    except CallsheetError as error:
        await journal.append(_failed(view, use.module_id, error))
        return False
    except Exception as error:
        defect = InternalError(
            f"{type(error).__name__} in our own code", hint="please report it, with --debug"
        )
        await journal.append(_failed(view, use.module_id, defect))
        raise defect from error
    if isinstance(outcome, Ask):
        _ask(journal, outcome.question)
        return False
    told = [Noted(step=view.step or "", text=text) for text in notes]
    journal.defer(*told, *_facts(view, use, outcome))
    return not module.repeatable


def _facts(view: RunView, use: ModuleUse, outcome: Outcome) -> list[Event]:
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
            raise AssertionError("a question is asked, not recorded as an outcome")
        case _:
            assert_never(outcome)


def _written(view: RunView, use: ModuleUse, outputs: dict[str, JsonValue]) -> OutputWritten:
    values = {key: outputs[name] for name, key in use.outputs_to_state.items() if name in outputs}
    return OutputWritten(
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
    """What stopped the run; where the provider named a time, the run is parked until then."""
    told = {
        "step": view.step,
        "attempt": view.attempt,
        "code": error.code,
        "module": where,
        "message": error.message,
        "hint": error.hint,
    }
    if until is not None:
        return RunParked.model_validate(told | {"until": until})
    return RunFailed.model_validate(told | {"exit_code": error.exit_code})


def _until(error: OverloadedError, cast: RunContext) -> float | None:
    return None if error.retry_after is None else cast.now() + error.retry_after


def _ask(journal: Journal, question: Question) -> None:
    """Asks, unless the answer is known: then only that is recorded."""
    view = journal.view
    known = _known_answer(view, question)
    asked = QuestionAsked(
        step=view.step or "",
        attempt=view.attempt,
        module=view.module,
        question=question.to_json(),
    )
    journal.defer(known or asked)


def _settle(journal: Journal) -> None:
    """Answers the open question where the answer is known by now."""
    view = journal.view
    if view.question is not None and (known := _known_answer(view, view.question)):
        journal.defer(known)


def _known_answer(
    view: RunView, question: Question
) -> QuestionAnswered | RunFailed | RunParked | None:
    """What was told beforehand, or the default where that is wanted; None where a person must say."""
    if question.key in view.told:
        try:
            # Who told a choice beforehand may have chosen nothing; the question put here may not
            # offer that, but it was not put.
            skippable = replace(question, may_skip=True)
            value = parse_answer(skippable, view.told[question.key])
        except InputError as error:
            return _failed(view, "what was told", error)
        return _answered(view, question, value, by="told")
    if question.default is not None and _takes_default(view, question):
        return _answered(view, question, question.default, by="default")
    return None


def _takes_default(view: RunView, question: Question) -> bool:
    accepted = question.kind in view.manner.accept
    return question.unasked or (accepted and question.key.split(".")[0] not in view.manner.ask)


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
