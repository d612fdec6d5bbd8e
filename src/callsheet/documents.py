"""The document of a run: one model for `--json`, the HTTP API, the page and Python programs."""

# Without `from __future__ import annotations`: pydantic would have to compile each one from text.
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypeAliasType

from callsheet.call_options import Effort, Tier
from callsheet.fidelity import IdeaCheckMode
from callsheet.questions import Kind
from callsheet.usage import Usage

# Each of these is one named schema in the description of the HTTP API.
RunStatus = TypeAliasType(
    "RunStatus", Literal["running", "waiting", "succeeded", "failed", "interrupted", "stopped"]
)
QuestionKind = TypeAliasType("QuestionKind", Kind)
AttemptResult = TypeAliasType(
    "AttemptResult", Literal["done", "skipped", "left", "failed", "edited"]
)
IdeaCheckName = TypeAliasType("IdeaCheckName", IdeaCheckMode)
TierName = TypeAliasType("TierName", Tier)
EffortName = TypeAliasType("EffortName", Effort)
RuleKind = TypeAliasType("RuleKind", Literal["limit", "form", "house", "idea"])
OutputBasis = TypeAliasType("OutputBasis", Literal["reported", "history", "schema"])


class DocumentPart(BaseModel):
    """A part of a document. Later versions may add fields.

    Parts are made with `model_construct`: their values come from checked events, and building a
    validator takes longer than the rest of an offline run.
    """

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set, in their order, as JSON values."""
        names = [name for name in type(self).model_fields if name in self.model_fields_set]
        values = {name: getattr(self, name) for name in [*names, *(self.model_extra or ())]}
        return {name: _to_json(value) for name, value in values.items()}


def _to_json(value: Any) -> Any:
    match value:
        case DocumentPart():
            return value.to_json()
        case Usage():
            return asdict(value)
        case dict():
            return {name: _to_json(each) for name, each in value.items()}
        case list() | tuple():
            return [_to_json(each) for each in value]
        case _:
            return value


def _never_null(schema: dict[str, Any]) -> None:
    """Describe a field that is left out rather than null."""
    options = [each for each in schema.pop("anyOf", ()) if each.get("type") != "null"]
    schema.pop("default", None)
    schema.update(*options)


def optional_field(description: str) -> Any:
    """Declare a field that is left out where it has nothing to say."""
    return Field(default=None, description=description, json_schema_extra=_never_null)


class QuestionOption(DocumentPart):
    """One option of a question; `detail` is shown beside its label."""

    name: str
    label: str
    detail: str
    unavailable: str | None = optional_field("Why the option cannot be chosen now.")
    successor: str | None = optional_field("The group that replaces this one; not to be listed.")


class OpenQuestion(DocumentPart):
    """The question that a waiting run asks; an answer names its `number`."""

    number: int
    key: str
    kind: QuestionKind
    text: str
    default: JsonValue
    options: list[QuestionOption]
    models: dict[str, list[str]] = Field(
        description="By option, what can be chosen alone, as `NAME/MODEL`."
    )
    max_length: int
    pattern: str
    hint: str
    may_skip: bool
    may_be_open: bool
    unasked: bool
    optional: bool
    show: JsonValue


class PromptProblem(DocumentPart):
    """A rule that a delivered prompt still breaks, with its kind and who states it, and when."""

    model: str
    rule: str
    kind: RuleKind
    message: str
    source: str = ""


class PromptWarning(PromptProblem):
    """What to know about a delivered prompt; it is never sent back to the LLM."""


class RejectedText(PromptProblem):
    """A text that is no prompt, and why; it counts as missing."""

    text: JsonValue


class NotApplicableFact(DocumentPart):
    """A fact of the idea that a rule of the model forbids to show."""

    fact: str
    rule: str


class PromptCoverage(DocumentPart):
    """How many facts of the idea a prompt keeps, and which it lacks.

    Nothing was checked where `checked` is false, for the `reason` given.
    """

    kept: int
    of: int
    missing: list[str]
    checked: bool
    reason: str | None
    not_applicable: list[NotApplicableFact]


class RunError(DocumentPart):
    """Why a run failed or is parked; `code` is stable, `hint` says what to do."""

    code: str
    message: str
    hint: str
    step: str
    module: str


class RunSavings(DocumentPart):
    """Instruction tokens as sent and as they would be for all groups, and the difference."""

    instruction_tokens: int
    instruction_tokens_all: int
    percent: float


class ReceiptAmount(DocumentPart):
    """Tokens and their cost in US dollars; an unknown cost is null."""

    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cache_write_tokens: int
    cost_at_most: bool = Field(description="Whether the cost is an upper bound.")


class AllGroupsAmount(ReceiptAmount):
    """What all groups would have taken; `output_from` says where the output tokens come from."""

    output_from: OutputBasis


class SavedAmount(DocumentPart):
    """What the choice of groups saved; an unknown cost is null."""

    tokens: int
    percent: float
    cost_usd: float | None
    input_cost_usd: float | None = Field(
        description="The part of it that is input; below 0 where only all groups together are long "
        "enough for the provider's cache."
    )


class RunReceipt(DocumentPart):
    """What calls took, beside what the same calls would have taken for all groups."""

    paid: ReceiptAmount
    repair: ReceiptAmount
    all: AllGroupsAmount
    saved: SavedAmount


class WorkInProgress(DocumentPart):
    """The step being executed: the models it writes for, and the prompts it has finished."""

    step: str
    attempt: int
    category: str | None
    models: list[str]
    finished: dict[str, JsonValue]


class StepAttempt(DocumentPart):
    """An ended attempt of a step, or an edit after it, with the prompts of its category then."""

    step: str
    attempt: int
    result: AttemptResult
    ended: float
    prompts: dict[str, JsonValue]


class ImageDetails(DocumentPart):
    """What is known of an image that the person gave."""

    media_type: str
    width: int
    height: int
    size: int


class RenderedImage(ImageDetails):
    """An image that a person rendered from a prompt; `file` is its name beside an export."""

    file: str


class PersonsNote(DocumentPart):
    """What a person noted about a run; its name never changes."""

    title: str
    text: str
    favourite: bool


class RunNote(DocumentPart):
    """Something the person should know; `at` is in Unix seconds."""

    step: str
    text: str
    at: float


class RunDocument(DocumentPart, Mapping[str, Any]):
    """A run as it stands.

    It reads like a mapping, too: `document["prompts"]` is the JSON value of `document.prompts`.
    The fields behind `receipt` are left out where there is nothing to say; those from `started` on
    are there wherever a stored run is shown.
    """

    run: str
    workflow: str
    status: RunStatus
    llm: str
    brief: dict[str, JsonValue]
    selection: dict[str, list[str]] = Field(description="The chosen groups by category.")
    models: dict[str, list[str]] = Field(description="The chosen models by category.")
    still: str | None = optional_field("The still that the motion prompts are written for.")
    prompts: dict[str, dict[str, JsonValue]] = Field(
        description="By category and model: a text, or an object of texts."
    )
    from_earlier_still: list[str] | None = optional_field(
        "The models whose prompts were written for the still's image prompt as it was before an edit."
    )
    unchanged: list[str] | None = optional_field(
        "The models whose prompts were rewritten and are the same as before."
    )
    planned_models: dict[str, list[str]] | None = optional_field(
        "By category, the models chosen beforehand for steps that have not begun."
    )
    settings: dict[str, list[str]] = Field(description="What to set outside each prompt, by model.")
    problems: list[PromptProblem]
    warnings: list[PromptWarning]
    coverage: dict[str, PromptCoverage] = Field(
        description="How much of the idea each model's prompt keeps; empty where nothing is checked."
    )
    rejected: list[RejectedText] = Field(
        description="The unusable texts of the step being executed."
    )
    usage: Usage
    savings: RunSavings
    receipt: RunReceipt | None = Field(description="Null where no provider reported tokens.")
    chosen: dict[str, str] | None = optional_field(
        "By field of the brief, what the LLM chose where the brief leaves it open."
    )
    question: OpenQuestion | None = optional_field("What a waiting run asks.")
    until: float | None = optional_field("Until when a run is parked, in Unix seconds.")
    job: str | None = optional_field("The provider job that a waiting run's call is in.")
    error: RunError | None = optional_field("Why the run failed or is parked.")
    at_work: WorkInProgress | None = optional_field("The step being executed.")
    started: float | None = optional_field("When the run started, in Unix seconds.")
    seq: int | None = optional_field("The sequence number of the run's latest event.")
    attempts: list[StepAttempt] | None = optional_field("Every ended attempt of every step.")
    exports: list[str] | None = optional_field("The formats in which the prompts can be exported.")
    pictures: dict[str, ImageDetails] | None = optional_field("The person's images, by question.")
    notes: list[RunNote] | None = optional_field("Notes since the run was last started or retried.")
    noted: PersonsNote | None = optional_field("What a person noted about the run.")
    rendered: dict[str, RenderedImage] | None = optional_field(
        "By model, the image that a person rendered from its prompt."
    )
    note_seq: int | None = optional_field("How often a person has noted something about the run.")

    def __getitem__(self, name: str) -> Any:
        if name not in self.model_fields_set:
            raise KeyError(name)
        return _to_json(getattr(self, name))

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # as a mapping does
        return iter([name for name in type(self).model_fields if name in self.model_fields_set])

    def __len__(self) -> int:
        return len(self.model_fields_set)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]  # its parts may change, as those of a dict


STORED_RUN_FIELDS = (
    "started",
    "seq",
    "attempts",
    "exports",
    "pictures",
    "notes",
    "noted",
    "rendered",
    "note_seq",
)
"""The fields of a stored run's document that a run's own `--json` leaves out."""
