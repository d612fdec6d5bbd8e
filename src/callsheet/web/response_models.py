"""What is answered over the wire: the forms that `/openapi.json` promises."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from callsheet.web.request_models import Status


class Answer(BaseModel):
    """What is answered: more fields may come."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Health(Answer):
    """The server answers."""

    status: Literal["ok"]
    version: str


class WorkflowSummary(Answer):
    """A workflow that may be run here."""

    name: str
    title: str
    description: str


class FieldForm(Answer):
    """A question that can be answered before a run."""

    key: str
    step: str
    kind: str
    text: str
    default: JsonValue
    max_length: int
    pattern: str
    hint: str


class GroupGlance(Answer):
    """A model group, as the catalog knows it."""

    name: str
    category: str
    label: str
    description: str
    models: list[str]
    tokens: int | None


class Category(Answer):
    """What kind of model groups write for, with the groups to choose from."""

    name: str
    step: str
    groups: list[GroupGlance]


class WorkflowForm(WorkflowSummary):
    """All that a form for a workflow needs."""

    steps: list[dict[str, JsonValue]]
    fields: list[FieldForm]
    categories: list[Category]
    limits: dict[str, dict[str, JsonValue]]


class LLMGlance(Answer):
    """An LLM, and whether its key is there."""

    spec: str
    title: str
    key: Literal["there", "missing", "not_needed"]


class LLMs(Answer):
    """The LLMs that can be named, and the one taken by default."""

    chosen: str
    max_cost: float | None
    llms: list[LLMGlance]


class Cost(Answer):
    """Tokens and price; a price nobody knows is null."""

    calls: int
    instruction_tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


class EstimateDocument(Answer):
    """A choice of groups beside all groups."""

    workflow: str
    llm: str
    exact: bool
    groups: list[str]
    selection: Cost
    all: Cost
    saved_percent: float


class Preview(Answer):
    """What a retry would write, keep and cost."""

    write: list[str]
    keep: list[str]
    llm: str
    exact: bool
    cost: Cost


class LintFinding(Answer):
    """A rule that a prompt breaks; offsets count characters, where they are known."""

    path: str
    rule: str
    message: str
    severity: str
    start: int | None
    end: int | None


class Lint(Answer):
    """What is wrong with a prompt, and what code can mend of it; null where nothing."""

    model: str
    findings: list[LintFinding]
    mended: JsonValue


class ExportForm(Answer):
    """A form in which prompts can be downloaded."""

    name: str
    title: str
    file: str


class Savings(Answer):
    """Paid beside what all groups would have cost; `rows` are the newest runs."""

    workflow: str | None
    runs: int
    rows: list[dict[str, JsonValue]]


class RunGlance(Answer):
    """A run as one line of the list."""

    run: str
    workflow: str
    status: Status
    started: float
    title: str
    seq: int


class RunsPage(Answer):
    """Runs, newest first; `next` is the `after` of the next page."""

    runs: list[RunGlance]
    next: str | None


class Answered(Answer):
    """The answer that was recorded, and its place in the run."""

    run: str
    question: int
    key: str
    value: JsonValue
    seq: int


class JudgedSheet(Answer):
    """A sheet without a fault: what carrying it out would take; a price nobody knows is null."""

    batch: str
    rows: int
    finished: int
    calls: int
    carried: list[str]
    groups: list[str]
    input_tokens: int
    output_tokens: int
    exact: bool
    least_usd: float | None
    most_usd: float | None


class BatchGlance(Answer):
    """A batch as one line of the list."""

    batch: str
    title: str
    rows: int
    started: float
    under_way: bool


class BatchRows(Answer):
    """Rows by what became of them; `left` are those not carried to their end."""

    total: int
    done: int
    failed: int
    left: int
    repaired: int


class BatchDocument(Answer):
    """How a batch stands."""

    batch: str
    title: str
    status: Literal["running", "stopping", "succeeded", "failed", "interrupted", "paused"]
    rows: BatchRows
    usage: dict[str, JsonValue]
    failures: list[dict[str, JsonValue]]
    error: dict[str, JsonValue] | None


class Deleted(Answer):
    """The run that is no more."""

    deleted: str


class ProblemDetails(Answer):
    """What went wrong (RFC 9457): `code` is stable, `detail` says it, `hint` what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
