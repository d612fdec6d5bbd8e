"""The current state of a run, folded from its events; never stored itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, assert_never

from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.errors import ProviderError
from callsheet.events import (
    CallReplied,
    CallSubmitted,
    Event,
    Noted,
    OutputWritten,
    PromptEdited,
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
    ValueRejected,
    ValuesFinished,
)
from callsheet.questions import Question
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import JsonValue

    from callsheet.fidelity import IdeaCheckMode

Status = Literal["running", "waiting", "succeeded", "failed", "stopped"]


CLOCK_DIFFERENCE = 60.0
"""How many seconds the clocks of two machines may differ."""


@dataclass(frozen=True)
class RecordedCall:
    """A reply with the LLM, the workflow files and the answers it was requested with, and when."""

    call: CallReplied
    llm: str
    manifest: str
    answers: dict[str, JsonValue]
    at: float = 0.0


@dataclass
class RunView:
    """State and position of a run.

    `step`, `attempt` and `module` are the current position; between steps `step` is None, and
    `next_step` names the next one if it is not the following. `preset_answers` are those not used
    yet, `question_seq` is the number of the last question's event. `replies` are those the current
    module already has, by number, `values` what it finished before it failed, `rejected` its
    texts that are no prompts, by path, and `noted` what it told. `before` are prompts that are
    rewritten as they stood, `wish` what is to change in them. `parked_until` (Unix seconds) is when
    the provider takes calls again. `recorded_calls` are all replies in order. `in_jobs` is whether calls
    go into provider jobs: then nobody may make an ordinary one, also between two jobs. `submitted` is
    the call whose reply comes with a job, `submissions` how often it was submitted.
    """

    run: str
    seq: int = 0
    started: float = 0.0
    replied_at: float = 0.0
    workflow: str = ""
    source: str = ""
    manifest: str = ""
    llm: str = ""
    base_url: str | None = None
    max_cost: float | None = None
    idea_check: IdeaCheckMode = "off"
    call_options: CallOptions = NO_OPTIONS
    question_policy: QuestionPolicy = field(default_factory=QuestionPolicy)
    status: Status = "running"
    state: dict[str, JsonValue] = field(default_factory=dict)
    preset_answers: dict[str, JsonValue] = field(default_factory=dict)
    answers_by_step: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    step: str | None = None
    attempt: int = 0
    module: int = 0
    next_step: str | None = None
    last_step: str | None = None
    question: Question | None = None
    question_seq: int = 0
    answers: dict[str, JsonValue] = field(default_factory=dict)
    answered_by: dict[str, str] = field(default_factory=dict)
    replies: dict[int, CallReplied] = field(default_factory=dict)
    values: dict[str, JsonValue] = field(default_factory=dict)
    rejected: dict[str, ValueRejected] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)
    rewrite: frozenset[str] = frozenset()
    before: dict[str, JsonValue] = field(default_factory=dict)
    wish: str = ""
    parked_until: float | None = None
    parked_at: float = 0.0
    error: RunFailed | RunParked | None = None
    in_jobs: bool = False
    submitted: CallSubmitted | None = None
    submissions: int = 0
    usage: Usage = NO_USAGE
    recorded_calls: list[RecordedCall] = field(default_factory=list)

    @property
    def job(self) -> str:
        """The id of the provider job that the run waits for; empty where it waits for none."""
        return self.submitted.job if self.submitted else ""

    def is_parked(self, now: float) -> bool:
        """Whether the provider's time is still to come; not where the clock was set back since."""
        if self.parked_until is None:
            return False
        return self.parked_at - CLOCK_DIFFERENCE <= now < self.parked_until

    def apply(self, recorded: RecordedEvent) -> None:
        """Applies the next event."""
        self.seq = recorded.seq
        if isinstance(recorded.event, CallReplied):
            self.replied_at = recorded.at
        if recorded.seq == 1:
            self.started = recorded.at
        if isinstance(recorded.event, RunParked):
            self.parked_at = recorded.at
        _apply(self, recorded.event)


def fold(run: str, events: Iterable[RecordedEvent]) -> RunView:
    """The state of a run after these events."""
    view = RunView(run)
    for recorded in events:
        view.apply(recorded)
    return view


def _apply(view: RunView, event: Event) -> None:
    match event:
        case OutputWritten() | StepStarted() | StepFinished():
            _apply_progress(view, event)
        case QuestionAsked() | QuestionAnswered() | CallReplied() | CallSubmitted():
            _apply_dialogue(view, event)
        case RunStarted() | RunResumed() | RunRetried():
            _apply_start(view, event)
        case RunFinished() | RunFailed() | RunParked():
            _apply_end(view, event)
        case ValuesFinished() | ValueRejected() | PromptEdited():
            _apply_values(view, event)
        case Noted():
            view.noted.add(event.text)
        case _:
            assert_never(event)


def _apply_values(view: RunView, event: ValuesFinished | ValueRejected | PromptEdited) -> None:
    if isinstance(event, PromptEdited):
        view.state.update(event.values)
        if (view.step, view.module) == (event.step, event.module):
            view.answers = {}
        return
    if isinstance(event, ValueRejected):
        view.values.pop(event.path, None)
        view.rejected[event.path] = event
        return
    view.values.update(event.values)
    for path in event.values:
        view.rejected.pop(path, None)


def _apply_start(view: RunView, event: RunStarted | RunResumed | RunRetried) -> None:
    view.llm, view.base_url, view.question_policy = event.llm, event.base_url, event.manner
    view.max_cost, view.idea_check = event.max_cost, event.idea_check
    view.call_options = event.call_options
    view.error = view.parked_until = view.submitted = None
    view.in_jobs = isinstance(event, RunResumed) and event.jobs
    view.status = "waiting" if view.question else "running"
    if isinstance(event, RunStarted):
        view.workflow, view.source = event.workflow, event.source or event.workflow
    if not isinstance(event, RunResumed):
        view.manifest, view.preset_answers = event.manifest, dict(event.answers)
    if isinstance(event, RunRetried):
        view.status, view.question = "running", None
        view.step, view.next_step, view.rewrite = None, event.step, frozenset(event.anew)
        view.before, view.wish = dict(event.before), event.wish
        view.state.update(event.finished)


def _apply_end(view: RunView, event: RunFinished | RunFailed | RunParked) -> None:
    view.submitted, view.submissions = None, 0
    match event:
        case RunFinished(result=result):
            view.status = result
        case RunFailed():
            view.status, view.error = "failed", event
            if event.exit_code != ProviderError.exit_code:
                # These replies were checked and rejected, so resuming asks again. Where the provider
                # failed, earlier replies are still good, and paid. A pasted one came as an answer.
                view.answers = {} if view.replies else view.answers
                view.replies = {}
            _drop_broken_replies(view.replies)
        case RunParked(until=until):
            view.status, view.error, view.parked_until = "waiting", event, until


def _drop_broken_replies(replies: dict[int, CallReplied]) -> None:
    """Drops incomplete replies at the end, so that they are requested again."""
    while replies and replies[max(replies)].finish == "broken":
        del replies[max(replies)]


def _apply_progress(view: RunView, event: StepStarted | StepFinished | OutputWritten) -> None:
    match event:
        case StepStarted():
            view.step, view.attempt, view.next_step = event.step, event.attempt, None
            view.attempts[event.step] = event.attempt
            view.skipped.pop(event.step, None)
            view.answers_by_step[event.step] = {}
            _enter_module(view, 0)
        case OutputWritten():
            view.state.update(event.values)
            _enter_module(view, event.module + 1)
        case StepFinished():
            view.step, view.last_step, view.next_step = None, event.step, event.then
            if event.result == "skipped":
                view.skipped[event.step] = event.reason
            if event.result == "left":
                # A rewrite applies to one attempt only.
                view.rewrite = frozenset()


def _enter_module(view: RunView, module: int) -> None:
    view.module, view.answers, view.replies, view.question = module, {}, {}, None
    view.values, view.rejected, view.answered_by, view.noted = {}, {}, {}, set()
    view.submissions = 0


def _apply_dialogue(
    view: RunView, event: QuestionAsked | QuestionAnswered | CallReplied | CallSubmitted
) -> None:
    match event:
        case QuestionAsked():
            view.question = Question.from_json(dict(event.question))
            view.answers.pop(view.question.key, None)
            view.status, view.question_seq = "waiting", view.seq
        case QuestionAnswered():
            view.question, view.status = None, "running"
            view.answers[event.key], view.answered_by[event.key] = event.value, event.by
            view.answers_by_step.setdefault(event.step, {})[event.key] = event.value
            view.preset_answers.pop(event.key, None)
        case CallSubmitted():
            view.status, view.submitted, view.in_jobs = "waiting", event, True
            view.submissions += 1
        case CallReplied():
            if view.submitted is not None:
                view.status, view.submitted, view.submissions = "running", None, 0
            view.replies[event.number] = event
            view.usage += event.usage
            answers = {k: v for step in view.answers_by_step.values() for k, v in step.items()}
            call = RecordedCall(event, view.llm, view.manifest, answers, view.replied_at)
            view.recorded_calls.append(call)
