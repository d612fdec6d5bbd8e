"""The bodies and queries of requests; each request is validated by one of these models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypeAliasType

from callsheet.batches.row_page import BatchRowStatus
from callsheet.call_options import HIGHEST_TEMPERATURE
from callsheet.documents import EffortName, IdeaCheckName, RunStatus, TierName
from callsheet.runs.job_records import RepairBy

# One named schema in the description of the HTTP API.
BatchRowStatusName = TypeAliasType("BatchRowStatusName", BatchRowStatus)

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Spec = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
ImageText = Annotated[str, StringConstraints(min_length=1, max_length=7_500_000)]
"""A PNG, JPEG or WebP of up to 5 MB in base64, with or without the beginning of a data URL."""

Names = Annotated[list[Name], Field(max_length=200)]
Selected = Annotated[str, StringConstraints(min_length=1, max_length=130)]
"""A model group, or one model of it: `GROUP/MODEL`."""

Selection = Annotated[list[Selected], Field(max_length=200)]
Temperature = Annotated[float, Field(ge=0, le=HIGHEST_TEMPERATURE, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


STILL_HELP = "The image model whose still the motion prompts are for; null: the first."
IDEA_CHECK_HELP = (
    "What a prompt is that loses part of the idea: an error, a warning, or not checked."
)
TIER_HELP = (
    "The service tier: `flex` is cheaper and may wait for minutes; with `,standard` it falls back."
)
EFFORT_HELP = "How much the LLM thinks, where it takes that."
TEMPERATURE_HELP = "How freely the LLM writes, where it takes that."
IMAGE_HELP = "The rendered still for motion prompts, in base64: PNG, JPEG or WebP, up to 5 MB."


class RequestBody(BaseModel):
    """A JSON body; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ExecutionRequest(RequestBody):
    """How a run is executed; null keeps the run's own value, or the server's."""

    llm: Spec | None = None
    max_cost: Dollars | None = Field(default=None, description="US dollars for the whole run.")
    idea_check: IdeaCheckName | None = Field(default=None, description=IDEA_CHECK_HELP)
    tier: TierName | None = Field(default=None, description=TIER_HELP)
    effort: EffortName | None = Field(default=None, description=EFFORT_HELP)
    temperature: Temperature | None = Field(default=None, description=TEMPERATURE_HELP)


class StartRunRequest(ExecutionRequest):
    """A new run; with `review` it waits for a review after each step that writes prompts."""

    brief: dict[Name, Text] = Field(default_factory=dict)
    groups: Selection | None = Field(default=None, description="Null: the run asks for them.")
    picture: ImageText | None = Field(default=None, description=IMAGE_HELP)
    still: Name | None = Field(default=None, description=STILL_HELP)
    workflow: Name | None = None
    review: bool = False
    yes: bool = False


class RetryRequest(ExecutionRequest):
    """A step to retry: with other groups, prompts to rewrite, or another brief."""

    brief: dict[Name, Text] = Field(default_factory=dict)
    groups: Selection | None = None
    picture: ImageText | None = Field(default=None, description=IMAGE_HELP)
    still: Name | None = Field(default=None, description=STILL_HELP)
    without: Names = Field(
        default_factory=list, description="Categories to deselect: no call is made for them."
    )
    rewrite: Names = Field(default_factory=list)
    wish: Annotated[str, StringConstraints(max_length=1_000)] = Field(
        default="", description="What to change in the prompts of `rewrite`; the rest is kept."
    )
    step: Name | None = None
    review: bool = False
    yes: bool = False


class ResumeRequest(ExecutionRequest):
    """A failed, interrupted or parked run to resume."""


class EmptyRequest(RequestBody):
    """An empty object."""


class BatchRequestBody(RequestBody):
    """A sheet of ideas, with defaults for its rows."""

    sheet: Annotated[str, StringConstraints(min_length=1, max_length=8_000_000)] = Field(
        description="CSV, JSON Lines or a JSON array; or a workbook (`.xlsx`) as a data URL in base64."
    )
    title: Name = Field(default="sheet", description="The title that the batch is named after.")
    groups: Selection = Field(default_factory=list)
    brief: dict[Name, Text] = Field(default_factory=dict)
    workflow: Name | None = None
    llm: Spec | None = None
    max_cost: Dollars | None = Field(default=None, description="US dollars for all rows together.")
    idea_check: IdeaCheckName | None = Field(default=None, description=IDEA_CHECK_HELP)
    tier: TierName | None = Field(default=None, description=TIER_HELP)
    effort: EffortName | None = Field(default=None, description=EFFORT_HELP)
    temperature: Temperature | None = Field(default=None, description=TEMPERATURE_HELP)
    jobs: bool = Field(
        default=False,
        description="Whether the rows go into batch jobs of the provider: about half the price, within a"
        " day. The server reads them in the background, after a restart too.",
    )
    repair: RepairBy = Field(
        default="live",
        description="With `jobs`, where corrections go: ordinary calls at the ordinary price, or a further"
        " job at the lower one, which may take another day.",
    )
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="The number of calls at once: by default 10; at a server of your own one,"
        " and up to 10 as long as more make it faster.",
    )


class ResumeBatchRequest(RequestBody):
    """A batch to resume; with `retry_failed`, only its failed rows are retried."""

    retry_failed: bool = False


class ResendJobRequest(RequestBody):
    """The `id` of a job in the state `sending`."""

    job: Name


class AnswerRequest(RequestBody):
    """An answer to the question with this number."""

    question: int = Field(ge=0, le=2**53)
    value: ImageText | Text | Selection


class EditRequest(RequestBody):
    """A person's own text for a prompt; `MODEL.field` names one of several texts."""

    prompt: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    seq: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="The `seq` of the document that the edited text was read from; "
        "409 `edited_elsewhere` where the prompt was changed since. Null: not compared.",
    )


class NoteRequest(RequestBody):
    """What a person notes about a run; null leaves a field as it is, an empty text removes it."""

    title: Annotated[str, StringConstraints(max_length=200)] | None = None
    text: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    favourite: bool | None = None


class RenderedImageRequest(RequestBody):
    """An image that a person rendered from a model's prompt; it replaces an earlier one."""

    model: Name
    image: Annotated[str, StringConstraints(min_length=1, max_length=13_400_000)] | None = Field(
        description="In base64: PNG, JPEG or WebP, up to 10 MB. Null: the image is removed."
    )


class EstimateRequest(RequestBody):
    """A selection of groups to estimate."""

    groups: Annotated[list[Selected], Field(min_length=1, max_length=200)]
    workflow: Name | None = None
    llm: Spec | None = None
    tier: TierName | None = Field(default=None, description=TIER_HELP)
    idea: Annotated[str, StringConstraints(max_length=4_000)] | None = None
    picture: ImageText | None = Field(default=None, description=IMAGE_HELP)


class LintRequest(RequestBody):
    """A prompt to check by its model's rules, and by the idea that it must keep if there is one."""

    model: Name
    text: Annotated[str, StringConstraints(max_length=100_000)] | dict[Name, str]
    idea: Annotated[str, StringConstraints(max_length=100_000)] = ""
    tools: Names = Field(default_factory=list)
    workflow: Name | None = None


class RunsQuery(BaseModel):
    """Which runs to list."""

    model_config = ConfigDict(frozen=True)

    search: Annotated[str, StringConstraints(max_length=200)] = ""
    status: RunStatus | None = None
    favourite: bool = Field(default=False, description="Only favourites.")
    after: Annotated[str, StringConstraints(max_length=100)] | None = None
    limit: int = Field(default=50, ge=1, le=200)


class BatchRowsQuery(BaseModel):
    """Which rows of a batch to list; `after` is the number of the last row of the page before."""

    model_config = ConfigDict(frozen=True)

    status: BatchRowStatusName | None = None
    search: Annotated[str, StringConstraints(max_length=200)] = ""
    after: int = Field(default=0, ge=0, le=2**53)
    limit: int = Field(default=50, ge=1, le=200)


class EventsQuery(BaseModel):
    """Which runs to follow, each after which event: `run:seq,run:seq`."""

    model_config = ConfigDict(frozen=True)

    runs: Annotated[
        str, StringConstraints(max_length=8_000, pattern=r"^([a-z0-9.-]+:[0-9]{1,9}(,|$))*$")
    ] = ""


class SavingsQuery(BaseModel):
    """The workflow whose savings are reported, and how many runs are listed."""

    model_config = ConfigDict(frozen=True)

    workflow: Name | None = None
    newest: int = Field(default=50, ge=1, le=1_000)


class DownloadBatchQuery(BaseModel):
    """The format of a batch's download."""

    model_config = ConfigDict(frozen=True)

    format: Literal["csv", "jsonl", "md", "xlsx"] = "csv"


class DownloadQuery(BaseModel):
    """The format of a run's download; with `images` a ZIP of the file and the rendered images."""

    model_config = ConfigDict(frozen=True)

    format: Name = "md"
    images: bool = False
