"""The JSON responses about batches, as `/openapi.json` describes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue
from typing_extensions import TypeAliasType

from callsheet.documents import OutputBasis
from callsheet.runs.job_records import RecordState
from callsheet.usage import Usage
from callsheet.web.request_models import BatchRowStatusName
from callsheet.web.response_models import ResponseModel

BatchStatus = TypeAliasType(
    "BatchStatus",
    Literal["running", "stopping", "succeeded", "failed", "interrupted", "paused"],
)


class SheetEstimate(ResponseModel):
    """The estimate of a valid sheet; an unknown cost is null."""

    batch: str
    rows: int
    finished: int
    calls: int
    carried: list[str]
    groups: list[str]
    input_tokens: int
    output_tokens: int
    exact: bool
    cost_usd: float | None = Field(
        description="What the unfinished rows will cost, with the repairs of the `measured_rows`."
    )
    margin_usd: float | None = Field(
        description="By how much `cost_usd` may be off; null where too few rows are finished."
    )
    least_usd: float | None
    most_usd: float | None
    cached_input_tokens: int = Field(
        description="What the provider's cache may hold of the input; counted in `least_usd`."
    )
    output_from: OutputBasis
    measured_rows: int = Field(
        description="Finished rows of this batch that lengths, cache and repairs were taken from."
    )


class BatchSummary(ResponseModel):
    """An entry of the list of batches."""

    batch: str
    title: str
    rows: int
    started: float
    under_way: bool


class RowCounts(ResponseModel):
    """Rows by their outcome; `left` are not finished, and `waiting` those of them in a provider job."""

    total: int
    done: int
    failed: int
    left: int
    repaired: int
    waiting: int


class RowFailure(ResponseModel):
    """Why a row failed."""

    row: int
    id: str
    run: str
    code: str
    message: str


class BatchError(ResponseModel):
    """Why a batch is paused."""

    code: str
    message: str
    hint: str


class ProviderJob(ResponseModel):
    """A batch job at the provider with `rows` of the batch; times are Unix seconds.

    `sent` and `reading` follow `packing` and `sending`; in `done`, its results are read. `succeeded` and
    `failed` are the provider's counts, `message` its words.
    """

    id: str
    state: RecordState
    rows: int
    succeeded: int
    failed: int
    created: float
    sent: float | None
    ends_by: float | None
    ended: float | None
    cancelled: bool
    llm: str
    provider_id: str
    message: str


class BatchDocument(ResponseModel):
    """A batch as it stands."""

    batch: str
    title: str
    workflow: str
    llm: str | None
    groups: list[str]
    started: float
    rows: RowCounts
    usage: Usage
    failures: list[RowFailure]
    status: BatchStatus
    error: BatchError | None
    jobs: list[ProviderJob]
    seconds_left: float | None = None


class BatchRow(ResponseModel):
    """A row of a batch, with its prompts by model; `left` is not finished."""

    row: int
    id: str
    run: str
    status: BatchRowStatusName
    title: str
    prompts: dict[str, JsonValue]
    problems: list[str]
    warnings: list[str]
    code: str
    usage: Usage


class BatchRowPage(ResponseModel):
    """Rows of a batch in the sheet's order; `next` is the `after` of the next page."""

    batch: str
    rows: list[BatchRow]
    next: int | None
