"""What may be asked over the wire: every request is held to one of these forms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Spec = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
Picture = Annotated[str, StringConstraints(min_length=1, max_length=7_500_000)]
"""A PNG, JPEG or WebP of up to 5 MB in base64, with or without the beginning of a data URL."""

Names = Annotated[list[Name], Field(max_length=200)]
Dollars = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Status = Literal["running", "waiting", "succeeded", "failed", "interrupted", "stopped"]


STILL = "The rendered still for motion prompts, in base64: PNG, JPEG or WebP, up to 5 MB."


class RequestBody(BaseModel):
    """What is asked: a field that nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Carrying(RequestBody):
    """How a run is carried on; what is null is as it was, or as the server was started."""

    llm: Spec | None = None
    max_cost: Dollars | None = Field(default=None, description="US dollars for the whole run.")


class StartRun(Carrying):
    """A new run; with `review` it waits for a person after each step of prompts."""

    brief: dict[Name, Text] = Field(default_factory=dict)
    groups: Names | None = Field(default=None, description="Null: they are asked for.")
    picture: Picture | None = Field(default=None, description=STILL)
    workflow: Name | None = None
    review: bool = False
    yes: bool = False


class RetryRun(Carrying):
    """A step to be done again: other groups, prompts to rewrite, or another brief."""

    brief: dict[Name, Text] = Field(default_factory=dict)
    groups: Names | None = None
    picture: Picture | None = Field(default=None, description=STILL)
    without: Names = Field(
        default_factory=list, description="Categories whose groups are all let go: no call is made."
    )
    rewrite: Names = Field(default_factory=list)
    step: Name | None = None
    review: bool = False
    yes: bool = False


class ResumeRun(Carrying):
    """A run that failed, was interrupted or is parked goes on."""


class Nothing(RequestBody):
    """An empty object."""


class AskSheet(RequestBody):
    """A sheet of ideas, CSV or JSON Lines, with what its rows do not say themselves."""

    sheet: Annotated[str, StringConstraints(min_length=1, max_length=8_000_000)]
    title: Name = Field(default="sheet", description="What the batch is called after.")
    groups: Names = Field(default_factory=list)
    brief: dict[Name, Text] = Field(default_factory=dict)
    workflow: Name | None = None
    llm: Spec | None = None
    max_cost: Dollars | None = Field(default=None, description="US dollars for all rows together.")
    concurrency: int = Field(default=10, ge=1, le=100, description="Rows at once.")


class ResumeBatch(RequestBody):
    """A batch goes on."""

    retry_failed: bool = False


class GiveAnswer(RequestBody):
    """An answer to the question of this number."""

    question: int = Field(ge=0, le=2**53)
    value: Picture | Text | Names


class EditPrompt(RequestBody):
    """A person's own text for a prompt; `MODEL.field` names one of several texts."""

    prompt: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class AskEstimate(RequestBody):
    """A choice of groups to be weighed."""

    groups: Annotated[list[Name], Field(min_length=1, max_length=200)]
    workflow: Name | None = None
    llm: Spec | None = None
    idea: Annotated[str, StringConstraints(max_length=4_000)] | None = None
    picture: Picture | None = Field(default=None, description=STILL)


class AskLint(RequestBody):
    """A prompt to be judged by its model's rules."""

    model: Name
    text: Annotated[str, StringConstraints(max_length=100_000)] | dict[Name, str]
    workflow: Name | None = None


class RunsQuery(BaseModel):
    """Which runs are listed."""

    model_config = ConfigDict(frozen=True)

    search: Annotated[str, StringConstraints(max_length=200)] = ""
    status: Status | None = None
    after: Annotated[str, StringConstraints(max_length=100)] | None = None
    limit: int = Field(default=50, ge=1, le=200)


class EventsQuery(BaseModel):
    """Which runs are watched, each behind which fact: `run:seq,run:seq`."""

    model_config = ConfigDict(frozen=True)

    runs: Annotated[
        str, StringConstraints(max_length=8_000, pattern=r"^([a-z0-9.-]+:[0-9]{1,9}(,|$))*$")
    ] = ""


class SavingsQuery(BaseModel):
    """Which workflow's savings, and how many of its runs are told one by one."""

    model_config = ConfigDict(frozen=True)

    workflow: Name | None = None
    newest: int = Field(default=50, ge=1, le=1_000)


class DownloadBatchQuery(BaseModel):
    """In which form."""

    model_config = ConfigDict(frozen=True)

    format: Literal["csv", "jsonl", "md"] = "csv"


class DownloadQuery(BaseModel):
    """In which form."""

    model_config = ConfigDict(frozen=True)

    format: Name = "md"
