"""The JSON responses, as `/openapi.json` describes them; a run's document is in `documents`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypeAliasType

from callsheet.catalog.freshness import Retirement, Source
from callsheet.documents import (
    OutputBasis,
    QuestionKind,
    QuestionOption,
    RuleKind,
    RunReceipt,
    RunSavings,
    RunStatus,
    SavedAmount,
    optional_field,
)

KeyStatus = TypeAliasType("KeyStatus", Literal["there", "missing", "not_needed"])
FindingSeverity = TypeAliasType("FindingSeverity", Literal["error", "warning"])
AnsweredBy = TypeAliasType("AnsweredBy", Literal["person", "told", "default"])


class ResponseModel(BaseModel):
    """A JSON response. Later versions may add fields."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Health(ResponseModel):
    """The server responds."""

    status: Literal["ok"]
    version: str


class WorkflowSummary(ResponseModel):
    """A workflow that this server offers."""

    name: str
    title: str
    description: str


class WorkflowStep(ResponseModel):
    """A step of a workflow; `category` is what it writes prompts for, `editable` whether it keeps edits."""

    step: str
    title: str
    description: str
    category: str | None
    editable: bool


class BriefField(ResponseModel):
    """A question that can be answered when a run is started."""

    key: str
    step: str
    kind: QuestionKind
    text: str
    default: JsonValue
    max_length: int
    pattern: str
    hint: str
    options: list[QuestionOption]
    may_be_open: bool = Field(description="Whether an empty answer leaves the field open.")


class GroupSummary(ResponseModel):
    """A model group; `tokens` are those of its instructions."""

    name: str
    category: str
    label: str
    description: str
    models: list[str]
    tokens: int | None
    version: str
    checked: str | None
    age: str | None
    outdated: bool
    sources: list[Source]
    closed: Retirement | None
    successor: str | None = Field(
        description="The group that replaces this one, which lists then hide; null if it is current."
    )
    notice: str | None
    settings: dict[str, list[str]]
    problems: list[str]


class GroupCategory(ResponseModel):
    """A category of model groups, and the step that writes their prompts."""

    name: str
    step: str
    groups: list[GroupSummary]


class FieldLimit(ResponseModel):
    """The longest text of one field of a prompt, in characters."""

    name: str
    max_length: int | None


class PromptLimit(ResponseModel):
    """The longest prompt of a model, in characters; `fields` where it has several texts."""

    max_length: int | None
    fields: list[FieldLimit]


class WorkflowForm(WorkflowSummary):
    """The steps, fields, groups and limits of a workflow."""

    steps: list[WorkflowStep]
    fields: list[BriefField]
    categories: list[GroupCategory]
    limits: dict[str, PromptLimit]


class LLMSummary(ResponseModel):
    """An LLM, and whether its API key is set in one of `variables`."""

    spec: str
    title: str
    key: KeyStatus
    jobs: bool = Field(description="Whether a batch can go into batch jobs of the provider.")
    variables: list[str] | None = optional_field("The variables that can hold the key.")


class LLMList(ResponseModel):
    """The LLMs that can be named, and the default."""

    chosen: str
    max_cost: float | None
    llms: list[LLMSummary]


class EstimatedCost(ResponseModel):
    """Tokens and cost in US dollars; what is unknown is null."""

    calls: int
    instruction_tokens: int
    schema_tokens: int
    message_tokens: int
    picture_tokens: int | None
    input_tokens: int
    output_tokens: int
    output_tokens_low: int
    output_tokens_high: int
    output_from: OutputBasis
    cost_usd: float | None
    cost_usd_low: float | None
    cost_usd_high: float | None
    cost_at_most: bool = Field(description="Whether the costs are upper bounds.")
    input_cost_usd: float | None
    cached_input_tokens: int = Field(
        description="What the provider's cache can hold for the next call; 0 where the input is too short."
    )
    cached_cost_usd: float | None = Field(description="A further call while the cache holds that.")
    cached_input_cost_usd: float | None


class EstimateDocument(ResponseModel):
    """The estimate of a selection of groups beside that of all groups."""

    workflow: str
    llm: str
    exact: bool
    groups: list[str]
    selection: EstimatedCost
    all: EstimatedCost
    saved_percent: float
    saved: SavedAmount


class RetryPreview(ResponseModel):
    """The models that a retry would write, those it would keep, and its cost."""

    write: list[str]
    keep: list[str]
    llm: str
    exact: bool
    cost: EstimatedCost


class LintFinding(ResponseModel):
    """A rule that a prompt breaks, and who states it; offsets count characters and are null where unknown."""

    path: str
    rule: str
    kind: RuleKind
    message: str
    source: str
    severity: FindingSeverity
    start: int | None
    end: int | None


class LintReport(ResponseModel):
    """The findings in a prompt, and its text after autofix; null where autofix changes nothing."""

    model: str
    findings: list[LintFinding]
    mended: JsonValue


class ExportSummary(ResponseModel):
    """A format in which prompts can be downloaded, with the ending of its files."""

    name: str
    title: str
    file: str


class RunSavingsRow(ResponseModel):
    """What one run took; `receipt` is null where no provider reported tokens."""

    run: str
    workflow: str
    started: float
    llm: str
    groups: list[str]
    calls: int
    repairs: int
    instructions: RunSavings
    receipt: RunReceipt | None


class SavingsDocument(ResponseModel):
    """What all runs took beside what all groups would have taken; `rows` are the newest runs."""

    workflow: str | None
    runs: int
    reported_runs: int
    priced_runs: int
    calls: int
    repairs: int
    instructions: RunSavings
    receipt: RunReceipt | None
    rows: list[RunSavingsRow]


class RunSummary(ResponseModel):
    """An entry of the list of runs."""

    run: str
    workflow: str
    status: RunStatus
    started: float
    title: str = Field(description="A person's title, else the idea.")
    favourite: bool
    seq: int
    note_seq: int = Field(description="How often a person has noted something about the run.")


class RunPage(ResponseModel):
    """Runs, newest first; `next` is the `after` of the next page."""

    runs: list[RunSummary]
    next: str | None


class RecordedAnswer(ResponseModel):
    """The recorded answer, and the sequence number of its event."""

    run: str
    question: int
    key: str
    value: JsonValue
    seq: int


class Deleted(ResponseModel):
    """The name of the deleted run or batch."""

    deleted: str


class ProblemItem(ResponseModel):
    """One thing that is wrong: at a JSON path of a request, or in a row of a sheet."""

    message: str
    path: str | None = optional_field("The JSON path in the request.")
    row: int | None = optional_field("The number of the row.")


class FirstAnswer(ResponseModel):
    """The answer that a question has already."""

    key: str
    value: JsonValue
    by: AnsweredBy


class NewerText(ResponseModel):
    """The text that a prompt has by now, and the `seq` with which an edit of it is accepted."""

    prompt: str
    text: str
    seq: int


class ProblemDetails(ResponseModel):
    """An error (RFC 9457): `code` is stable, `detail` describes it, `hint` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    problems: list[ProblemItem] | None = optional_field("Everything that is wrong.")
    answer: FirstAnswer | None = optional_field("The recorded answer, with `already_answered`.")
    newer: NewerText | None = optional_field("The prompt as it is now, with `edited_elsewhere`.")
