"""Carries a run on until it ends or a person must answer.

Idempotent: what a fact says is done is not done again, so a process may die anywhere and another
goes on from the last fact.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError

from callsheet.document.references import resolve
from callsheet.errors import CallsheetError, InputError, InternalError, OverloadedError
from callsheet.events import (
    CallReplied,
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
    ValuesFinished,
)
from callsheet.llm.port import Reply, Request, Usage
from callsheet.modules.contract import Ask, Done, GoTo, Skip, Stage, Stop
from callsheet.modules.registry import find_module
from callsheet.questions import Question, parse_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import JsonValue

    from callsheet.document.workflow import Document, ModuleUse
    from callsheet.engine.journal import Journal
    from callsheet.engine.view import View
    from callsheet.llm.port import LLM
    from callsheet.modules.contract import Materials, Module, Outcome


@dataclass(frozen=True)
class Cast:
    """What a run is carried out with: the workflow, what modules may look at, LLM and clock."""

    document: Document
    materials: Materials
    llm: LLM
    now: Callable[[], float] = time.time


async def advance(journal: Journal, cast: Cast) -> View:
    """Goes on until the run ends, fails, or a question is open; answers with how it stands."""
    view = journal.view
    _settle(journal)
    while view.status == "running":
        if view.step is None:
            _next_step(journal, cast)
        elif view.module >= len(cast.document.workflow.step(view.step).modules):
            journal.defer(_finished(view, "done"))
        else:
            await _run_module(journal, cast)
    await journal.append()
    return view


async def answer(journal: Journal, value: JsonValue) -> None:
    """Records a person's answer to the open question; raises AnswerError where it does not fit."""
    view = journal.view
    if view.question is None:
        raise InputError(f"the run {view.run} asks nothing", hint=f"it is {view.status}")
    await journal.append(_answered(view, view.question, parse_answer(view.question, value)))


def _next_step(journal: Journal, cast: Cast) -> None:
    view, steps = journal.view, cast.document.workflow.steps
    if view.then is not None:
        position = cast.document.workflow.position(view.then)
    elif view.last_step is not None:
        position = cast.document.workflow.position(view.last_step) + 1
    else:
        position = 0
    if position == len(steps):
        journal.defer(RunFinished(result="succeeded"))
        return
    step = steps[position].step_id
    journal.defer(StepStarted(step=step, attempt=view.attempts.get(step, 0) + 1))


async def _run_module(journal: Journal, cast: Cast) -> None:
    """Runs the module that is next; whatever stops it is recorded as the run's failure."""
    view = journal.view
    assert view.step is not None  # noqa: S101  # the caller saw to it
    use = cast.document.workflow.step(view.step).modules[view.module]
    notes: list[str] = []
    try:
        module = find_module(use.module_id)
        inputs = _inputs(use, module, view)
        stage = Stage(
            materials=cast.materials,
            step=view.step,
            answers=dict(view.answers),
            call=_Caller(journal, cast.llm),
            note=notes.append,
            keep=_Keeper(journal),
            values=dict(view.values),
            llm=cast.llm.spec,
            anew=view.anew,
        )
        outcome = await module.run(inputs, stage)
    except OverloadedError as error:
        await journal.append(_failed(view, use, error, until=_until(error, cast)))
        return
    except CallsheetError as error:
        await journal.append(_failed(view, use, error))
        return
    except Exception as error:
        defect = InternalError(
            f"{type(error).__name__} in our own code", hint="please report it, with --debug"
        )
        await journal.append(_failed(view, use, defect))
        raise defect from error
    if isinstance(outcome, Ask):
        _ask(journal, outcome.question)
        return
    told = [Noted(step=view.step, text=text) for text in notes]
    await journal.append(*told, *_facts(view, use, outcome))


def _inputs(use: ModuleUse, module: Module, view: View) -> object:
    """The module's inputs with the state read; one that is required must exist."""
    values: dict[str, JsonValue] = {}
    for name, written in use.inputs.items():
        missing: list[str] = []
        values[name] = resolve(written, view.state, missing)
        known = module.inputs.model_fields.get(name)
        if missing and known is not None and known.is_required():
            raise InputError(
                f"the input `{name}` needs `{missing[0]}`, which does not exist yet",
                hint="an earlier module must write it with `outputs_to_state`",
            )
        if missing and known is not None and values[name] is None:
            del values[name]
    try:
        return module.inputs.model_validate(values)
    except ValidationError as error:
        detail = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise InputError(f"the input `{place}`: {detail['msg']}") from error


def _facts(view: View, use: ModuleUse, outcome: Outcome) -> list[Event]:
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


def _written(view: View, use: ModuleUse, outputs: dict[str, JsonValue]) -> OutputWritten:
    values = {key: outputs[name] for name, key in use.outputs_to_state.items() if name in outputs}
    return OutputWritten(
        step=view.step or "", attempt=view.attempt, module=view.module, values=values
    )


def _finished(
    view: View, result: str, *, reason: str = "", then: str | None = None
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
    view: View, use: ModuleUse, error: CallsheetError, *, until: float | None = None
) -> RunFailed | RunParked:
    """What stopped the run; where the provider named a time, the run is parked until then."""
    told = {
        "step": view.step,
        "attempt": view.attempt,
        "code": error.code,
        "message": f"{view.step}, {use.module_id}: {error.message}",
        "hint": error.hint,
    }
    if until is not None:
        return RunParked.model_validate(told | {"until": until})
    return RunFailed.model_validate(told | {"exit_code": error.exit_code})


def _until(error: OverloadedError, cast: Cast) -> float | None:
    return None if error.retry_after is None else cast.now() + error.retry_after


def _ask(journal: Journal, question: Question) -> None:
    view = journal.view
    journal.defer(
        QuestionAsked(
            step=view.step or "",
            attempt=view.attempt,
            module=view.module,
            question=question.to_json(),
        )
    )
    _settle(journal)


def _settle(journal: Journal) -> None:
    """Answers the open question by what was told beforehand, or by its default where that is wanted."""
    view = journal.view
    question = view.question
    if question is None:
        return
    if question.key in view.told:
        try:
            # Who told a choice beforehand may have chosen nothing; the question put here may not
            # offer that, but it was not put.
            skippable = replace(question, may_skip=True)
            value = parse_answer(skippable, view.told[question.key])
        except InputError as error:
            journal.defer(_cannot(view, error))
            return
        journal.defer(_answered(view, question, value, by="told"))
    elif question.default is not None and _takes_default(view, question):
        journal.defer(_answered(view, question, question.default, by="default"))


def _takes_default(view: View, question: Question) -> bool:
    accepted = question.kind in view.manner.accept
    return question.unasked or (accepted and question.key.split(".")[0] not in view.manner.ask)


def _cannot(view: View, error: CallsheetError) -> RunFailed:
    return RunFailed(
        step=view.step or "",
        attempt=view.attempt,
        code=error.code,
        message=error.message,
        hint=error.hint,
        exit_code=error.exit_code,
    )


def _answered(
    view: View, question: Question, value: JsonValue, *, by: str = "person"
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


class _Caller:
    """Calls the LLM for one run of a module; a reply that was recorded is not bought again."""

    def __init__(self, journal: Journal, llm: LLM) -> None:
        self._journal = journal
        self._llm = llm
        self._number = 0

    async def __call__(self, request: Request, repair: bool) -> Reply | Question:  # noqa: FBT001
        number, view = self._number, self._journal.view
        self._number += 1
        if number in view.calls:
            return _as_reply(view.calls[number])
        # Whatever was bought before must be safe before more is bought.
        await self._journal.append()
        key = f"reply.{number}"
        told = view.answers.get(key)
        reply = await self._llm.compose(
            replace(request, answer=told if isinstance(told, str) else None)
        )
        if not isinstance(reply, Reply):
            return replace(reply, key=key)
        self._journal.defer(
            CallReplied(
                step=view.step or "",
                attempt=view.attempt,
                module=view.module,
                number=number,
                repair=repair,
                text=reply.text,
                finish=reply.finish,
                llm=reply.llm,
                detail=reply.detail,
                **vars(reply.usage),
            )
        )
        return reply


class _Keeper:
    """Records what a module has finished before it is done."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def __call__(self, values: Mapping[str, JsonValue]) -> None:
        view = self._journal.view
        await self._journal.append(
            ValuesFinished(
                step=view.step or "",
                attempt=view.attempt,
                module=view.module,
                values=dict(values),
            )
        )


def _as_reply(call: CallReplied) -> Reply:
    usage = Usage(call.input_tokens, call.cached_input_tokens, call.output_tokens, call.cost_usd)
    return Reply(call.text, call.finish, usage, call.llm, call.detail)
