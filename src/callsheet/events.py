"""The events of a run. A recorded event never changes; the state of a run is a fold over its events."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.fidelity import IdeaCheckMode
from callsheet.usage import Usage


class RunEvent(BaseModel):
    """Base class of events: frozen, and without unknown fields."""

    # Validators are built on first use: a short run needs half of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class QuestionPolicy(RunEvent):
    """Which questions are asked.

    Kinds in `accept` take their default, unless the first part of the key is in `ask`.
    """

    accept: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


class RunStarted(RunEvent):
    """A run started: hash of its workflow files, LLM, and preset answers.

    `source` is the workflow's name, or the absolute path of its file; empty in the earliest runs.
    Here and below, `manner` is the question policy, and `once` the idempotency key of the request
    that caused the event, with a hash of its body.
    """

    kind: Literal["run_started"] = "run_started"
    workflow: str
    source: str = ""
    manifest: str
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    idea_check: IdeaCheckMode = "off"
    call_options: CallOptions = NO_OPTIONS
    answers: dict[str, JsonValue] = {}
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""


class RunResumed(RunEvent):
    """A failed or interrupted run was resumed at its position.

    `jobs` says that its calls go into provider jobs; where a person resumes it, they are ordinary ones.
    """

    kind: Literal["run_resumed"] = "run_resumed"
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    idea_check: IdeaCheckMode = "off"
    call_options: CallOptions = NO_OPTIONS
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""
    jobs: bool = False


class RunRetried(RunEvent):
    """A step and all later ones are executed again; models in `anew` are rewritten in any case.

    `finished` is added to the state: prompts that an unfinished attempt had already paid for.
    `before` are the prompts of the models to rewrite as they stood; `wish` is what is to change.
    """

    kind: Literal["run_retried"] = "run_retried"
    step: str
    manifest: str
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    idea_check: IdeaCheckMode = "off"
    call_options: CallOptions = NO_OPTIONS
    answers: dict[str, JsonValue] = {}
    anew: tuple[str, ...] = ()
    finished: dict[str, JsonValue] = {}
    before: dict[str, JsonValue] = {}
    wish: str = ""
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""


class StepStarted(RunEvent):
    """An attempt of a step started."""

    kind: Literal["step_started"] = "step_started"
    step: str
    attempt: int


class QuestionAsked(RunEvent):
    """A module asked a question; `question` is a Question as JSON."""

    kind: Literal["question_asked"] = "question_asked"
    step: str
    attempt: int
    module: int
    question: dict[str, JsonValue]


class QuestionAnswered(RunEvent):
    """A question was answered: by a person, a preset answer (`told`) or its default."""

    kind: Literal["question_answered"] = "question_answered"
    step: str
    attempt: int
    module: int
    key: str
    value: JsonValue
    by: Literal["person", "told", "default"]
    once: str = ""


class CallReplied(RunEvent):
    """An LLM replied to call `number` of a module; that call is never repeated.

    `tier` is the one that the provider says it served the call at; empty where it says none.
    """

    kind: Literal["call_replied"] = "call_replied"
    step: str
    attempt: int
    module: int
    number: int
    repair: bool
    text: str
    finish: Literal["stop", "length", "refusal", "filter", "broken"]
    llm: str
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    detail: str = ""
    cache_write_tokens: int = 0
    cost_at_most: bool = False
    tier: str = ""

    @property
    def usage(self) -> Usage:
        """What this call took."""
        return Usage(
            calls=1,
            repairs=int(self.repair),
            input_tokens=self.input_tokens,
            cached_input_tokens=self.cached_input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            repair_tokens=(self.input_tokens + self.output_tokens) * self.repair,
            cache_write_tokens=self.cache_write_tokens,
            cost_at_most=self.cost_at_most,
        )


class CallSubmitted(RunEvent):
    """Call `number` of a module waits in a provider job, by its id; the reply comes with the job."""

    kind: Literal["call_submitted"] = "call_submitted"
    step: str
    attempt: int
    module: int
    number: int
    repair: bool
    job: str


class ValuesFinished(RunEvent):
    """A module finished values before it ended: by their paths."""

    kind: Literal["values_finished"] = "values_finished"
    step: str
    attempt: int
    module: int
    values: dict[str, JsonValue]


class ValueRejected(RunEvent):
    """A module wrote a value that is not usable: at a path, and which rule it breaks."""

    kind: Literal["value_rejected"] = "value_rejected"
    step: str
    attempt: int
    module: int
    path: str
    rule: str
    rule_kind: str
    message: str
    value: JsonValue


class Noted(RunEvent):
    """A note for the person."""

    kind: Literal["noted"] = "noted"
    step: str
    text: str


class OutputWritten(RunEvent):
    """A module ended; `values` were written into the state under these names."""

    kind: Literal["output_written"] = "output_written"
    step: str
    attempt: int
    module: int
    values: dict[str, JsonValue]


class PromptEdited(RunEvent):
    """A person replaced the text of a prompt; `values` were written into the state.

    `step` and `module` are the position of the review that keeps edits. What that module had asked
    before counts no more: its edits are part of the values.
    """

    kind: Literal["prompt_edited"] = "prompt_edited"
    step: str
    module: int
    prompt: str
    text: str
    values: dict[str, JsonValue]
    once: str = ""


class StepFinished(RunEvent):
    """An attempt of a step ended; `then` names the next step if it is not the following."""

    kind: Literal["step_finished"] = "step_finished"
    step: str
    attempt: int
    result: Literal["done", "skipped", "left"]
    reason: str = ""
    then: str | None = None


class RunFinished(RunEvent):
    """The last step ended, or a person stopped the run."""

    kind: Literal["run_finished"] = "run_finished"
    result: Literal["succeeded", "stopped"]


class Interruption(RunEvent):
    """What stopped a step; `module` is a module id, or says that a preset answer was wrong."""

    step: str
    attempt: int
    module: str = ""
    code: str
    message: str
    hint: str

    @property
    def located(self) -> str:
        """The message with its position in the workflow, for authors of workflows."""
        return f"{self.step}, {self.module}: {self.message}" if self.module else self.message


class RunFailed(Interruption):
    """A step failed; the run can be resumed or retried."""

    kind: Literal["run_failed"] = "run_failed"
    exit_code: int


class RunParked(Interruption):
    """The provider accepts no call until a time (Unix seconds)."""

    kind: Literal["run_parked"] = "run_parked"
    until: float
    exit_code: Literal[5] = 5


class RunNoted(RunEvent):
    """What a person noted about a run; None leaves what was noted before.

    `images` are rendered images by model, None where one was removed. A note is no step of the run:
    it is recorded beside the run's other events, at any time and without its lease.
    """

    kind: Literal["run_noted"] = "run_noted"
    title: str | None = None
    text: str | None = None
    favourite: bool | None = None
    images: dict[str, dict[str, JsonValue] | None] = {}
    once: str = ""


Event = Annotated[
    RunStarted
    | RunResumed
    | RunRetried
    | StepStarted
    | QuestionAsked
    | QuestionAnswered
    | CallReplied
    | CallSubmitted
    | ValuesFinished
    | ValueRejected
    | Noted
    | OutputWritten
    | PromptEdited
    | StepFinished
    | RunFinished
    | RunFailed
    | RunParked,
    Field(discriminator="kind"),
]


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(Event)


class RecordedEvent(NamedTuple):
    """An event with its number in the run (from 1) and the time it was recorded (Unix seconds)."""

    seq: int
    at: float
    event: Event


def decode(data: Any) -> Event:
    """The event that a JSON object describes; raises pydantic.ValidationError for anything else."""
    return _adapter().validate_python(data)
