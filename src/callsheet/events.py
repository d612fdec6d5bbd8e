"""The facts a run is made of. Nothing recorded is ever changed; a run's state is a fold over them."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from callsheet.usage import Usage


class RunEvent(BaseModel):
    """What all facts share: they are frozen, and a field nobody knows is refused."""

    # Built when first used: a short run meets half of the facts.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class QuestionPolicy(RunEvent):
    """How questions are treated: which kinds take their default unasked, which keys never do.

    `accept` holds kinds of questions, `ask` the first parts of keys that are asked all the same.
    """

    accept: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


class RunStarted(RunEvent):
    """A run began: the workflow's files by hash, the LLM, and what the person said beforehand.

    `source` is where the workflow is found again: its name, or the absolute path of its file.
    Here and below, `once` is the key under which a program asked for this: when it asks again
    under the same key, nothing is done twice.
    """

    kind: Literal["run_started"] = "run_started"
    workflow: str
    source: str
    manifest: str
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    answers: dict[str, JsonValue] = {}
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""


class RunResumed(RunEvent):
    """A run that had failed or been left goes on from where it stood."""

    kind: Literal["run_resumed"] = "run_resumed"
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""


class RunRetried(RunEvent):
    """A step is to be done again, and every step after it; `anew` is not to be kept in any case.

    `finished` goes into the state: what an attempt that never ended had paid for already.
    """

    kind: Literal["run_retried"] = "run_retried"
    step: str
    manifest: str
    llm: str
    base_url: str | None = None
    max_cost: float | None = None
    answers: dict[str, JsonValue] = {}
    anew: tuple[str, ...] = ()
    finished: dict[str, JsonValue] = {}
    manner: QuestionPolicy = QuestionPolicy()
    once: str = ""


class StepStarted(RunEvent):
    """An attempt of a step began."""

    kind: Literal["step_started"] = "step_started"
    step: str
    attempt: int


class QuestionAsked(RunEvent):
    """A module needs a person; `question` is a Question as JSON."""

    kind: Literal["question_asked"] = "question_asked"
    step: str
    attempt: int
    module: int
    question: dict[str, JsonValue]


class QuestionAnswered(RunEvent):
    """A person's answer, one told beforehand, or the question's own default."""

    kind: Literal["question_answered"] = "question_answered"
    step: str
    attempt: int
    module: int
    key: str
    value: JsonValue
    by: Literal["person", "told", "default"]
    once: str = ""


class CallReplied(RunEvent):
    """An LLM answered call `number` of a module; it is never bought again."""

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
        )


class ValuesFinished(RunEvent):
    """Parts of a module's work that are done although the module is not: values by their paths."""

    kind: Literal["values_finished"] = "values_finished"
    step: str
    attempt: int
    module: int
    values: dict[str, JsonValue]


class Noted(RunEvent):
    """Something a person should know."""

    kind: Literal["noted"] = "noted"
    step: str
    text: str


class OutputWritten(RunEvent):
    """A module finished; `values` went into the state under these names."""

    kind: Literal["output_written"] = "output_written"
    step: str
    attempt: int
    module: int
    values: dict[str, JsonValue]


class StepFinished(RunEvent):
    """An attempt of a step ended; where it said so, the run goes on at step `then`."""

    kind: Literal["step_finished"] = "step_finished"
    step: str
    attempt: int
    result: Literal["done", "skipped", "left"]
    reason: str = ""
    then: str | None = None


class RunFinished(RunEvent):
    """The last step is done, or a person said stop."""

    kind: Literal["run_finished"] = "run_finished"
    result: Literal["succeeded", "stopped"]


class Interruption(RunEvent):
    """What stood in a step's way: `module` is where, or what was told beforehand."""

    step: str
    attempt: int
    module: str = ""
    code: str
    message: str
    hint: str

    @property
    def located(self) -> str:
        """The message behind the place in the workflow's file, for whoever works on that."""
        return f"{self.step}, {self.module}: {self.message}" if self.module else self.message


class RunFailed(Interruption):
    """A step could not be done; the run can be resumed or retried."""

    kind: Literal["run_failed"] = "run_failed"
    exit_code: int


class RunParked(Interruption):
    """The provider wants to be left alone until a time (Unix seconds)."""

    kind: Literal["run_parked"] = "run_parked"
    until: float
    exit_code: Literal[5] = 5


Event = Annotated[
    RunStarted
    | RunResumed
    | RunRetried
    | StepStarted
    | QuestionAsked
    | QuestionAnswered
    | CallReplied
    | ValuesFinished
    | Noted
    | OutputWritten
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
    """A fact with its place in the run (from 1) and the time it was recorded (Unix seconds)."""

    seq: int
    at: float
    event: Event


def decode(data: Any) -> Event:
    """The event that a JSON object describes; raises pydantic.ValidationError for anything else."""
    return _adapter().validate_python(data)
