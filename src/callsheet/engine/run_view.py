"""A run as it stands: the fold over its facts. Nothing in it is ever stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, assert_never

from callsheet.errors import ProviderError
from callsheet.events import (
    CallReplied,
    Event,
    Noted,
    OutputWritten,
    QuestionAnswered,
    QuestionAsked,
    QuestionPolicy,
    RecordedEvent,
    RunFailed,
    RunFinished,
    RunParked,
    RunResumed,
    RunRetried,
    RunStarted,
    StepFinished,
    StepStarted,
    ValuesFinished,
)
from callsheet.questions import Question
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import JsonValue

Status = Literal["running", "waiting", "succeeded", "failed", "stopped"]


@dataclass(frozen=True)
class RecordedCall:
    """A reply, and what stood when it was asked for: the LLM, the workflow's files, the answers."""

    call: CallReplied
    llm: str
    manifest: str
    answers: dict[str, JsonValue]


@dataclass
class RunView:
    """A run's state and position.

    `step`, `attempt` and `module` say what is at work; `step` is None between steps, where `then`
    names the next one if it is not simply the following. `told` are answers given beforehand and
    not used yet, `asked` the number of the last question's fact, `said` every answer by step and
    key, `calls` the replies that the module at work already has, and `values` what it finished
    before it failed. `until` is the time (Unix seconds) before which the provider wants no call.
    `bought` are all replies of the run, in their order.
    """

    run: str
    seq: int = 0
    started: float = 0.0
    workflow: str = ""
    source: str = ""
    manifest: str = ""
    llm: str = ""
    base_url: str | None = None
    max_cost: float | None = None
    manner: QuestionPolicy = field(default_factory=QuestionPolicy)
    status: Status = "running"
    state: dict[str, JsonValue] = field(default_factory=dict)
    told: dict[str, JsonValue] = field(default_factory=dict)
    said: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    step: str | None = None
    attempt: int = 0
    module: int = 0
    then: str | None = None
    last_step: str | None = None
    question: Question | None = None
    asked: int = 0
    answers: dict[str, JsonValue] = field(default_factory=dict)
    calls: dict[int, CallReplied] = field(default_factory=dict)
    values: dict[str, JsonValue] = field(default_factory=dict)
    anew: frozenset[str] = frozenset()
    until: float | None = None
    error: RunFailed | RunParked | None = None
    usage: Usage = NO_USAGE
    recorded_calls: list[RecordedCall] = field(default_factory=list)

    def apply(self, recorded: RecordedEvent) -> None:
        """Takes in the next fact."""
        self.seq = recorded.seq
        if recorded.seq == 1:
            self.started = recorded.at
        _apply(self, recorded.event)


def fold(run: str, facts: Iterable[RecordedEvent]) -> RunView:
    """The run that these facts make."""
    view = RunView(run)
    for recorded in facts:
        view.apply(recorded)
    return view


def _apply(view: RunView, event: Event) -> None:
    match event:
        case OutputWritten() | StepStarted() | StepFinished():
            _move(view, event)
        case QuestionAsked() | QuestionAnswered() | CallReplied():
            _talk(view, event)
        case RunStarted() | RunResumed() | RunRetried():
            _begin(view, event)
        case RunFinished() | RunFailed() | RunParked():
            _end(view, event)
        case ValuesFinished():
            view.values.update(event.values)
        case Noted():
            pass
        case _:
            assert_never(event)


def _begin(view: RunView, event: RunStarted | RunResumed | RunRetried) -> None:
    view.llm, view.base_url, view.manner = event.llm, event.base_url, event.manner
    view.max_cost = event.max_cost
    view.error = view.until = None
    view.status = "waiting" if view.question else "running"
    if isinstance(event, RunStarted):
        view.workflow, view.source = event.workflow, event.source
    if not isinstance(event, RunResumed):
        view.manifest, view.told = event.manifest, dict(event.answers)
    if isinstance(event, RunRetried):
        view.status, view.question = "running", None
        view.step, view.then, view.anew = None, event.step, frozenset(event.anew)
        view.state.update(event.finished)


def _end(view: RunView, event: RunFinished | RunFailed | RunParked) -> None:
    match event:
        case RunFinished(result=result):
            view.status = result
        case RunFailed():
            view.status, view.error = "failed", event
            if event.exit_code != ProviderError.exit_code:
                # What those calls brought is judged already: going on means asking anew. Where the
                # provider failed, what came before is still good, and paid.
                view.calls = {}
            _drop_broken_end(view.calls)
        case RunParked(until=until):
            view.status, view.error, view.until = "waiting", event, until


def _drop_broken_end(calls: dict[int, CallReplied]) -> None:
    """Forgets the last replies that broke off: what follows them is to be asked for again."""
    while calls and calls[max(calls)].finish == "broken":
        del calls[max(calls)]


def _move(view: RunView, event: StepStarted | StepFinished | OutputWritten) -> None:
    match event:
        case StepStarted():
            view.step, view.attempt, view.then = event.step, event.attempt, None
            view.attempts[event.step] = event.attempt
            view.skipped.pop(event.step, None)
            view.said[event.step] = {}
            _enter(view, 0)
        case OutputWritten():
            view.state.update(event.values)
            _enter(view, event.module + 1)
        case StepFinished():
            view.step, view.last_step, view.then = None, event.step, event.then
            if event.result == "skipped":
                view.skipped[event.step] = event.reason
            if event.result == "left":
                # It was done anew once; what a further attempt keeps, it keeps.
                view.anew = frozenset()


def _enter(view: RunView, module: int) -> None:
    view.module, view.answers, view.calls, view.question = module, {}, {}, None
    view.values = {}


def _talk(view: RunView, event: QuestionAsked | QuestionAnswered | CallReplied) -> None:
    match event:
        case QuestionAsked():
            view.question = Question.from_json(dict(event.question))
            view.answers.pop(view.question.key, None)
            view.status, view.asked = "waiting", view.seq
        case QuestionAnswered():
            view.question, view.status = None, "running"
            view.answers[event.key] = event.value
            view.said.setdefault(event.step, {})[event.key] = event.value
            view.told.pop(event.key, None)
        case CallReplied():
            view.calls[event.number] = event
            view.usage += event.usage
            answers = {key: said for step in view.said.values() for key, said in step.items()}
            view.recorded_calls.append(RecordedCall(event, view.llm, view.manifest, answers))
