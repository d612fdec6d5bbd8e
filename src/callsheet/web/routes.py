"""Every route in one table: where it is, what it takes, what it answers, and who carries it out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.documents import RunDocument
from callsheet.web import batch_routes, read_routes, request_models, response_models, run_routes

if TYPE_CHECKING:
    from pydantic import BaseModel

    from callsheet.web.http_io import RequestContext

Handler = Callable[["RequestContext"], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One method of one path; `media` is what it answers with, where that is not JSON."""

    method: str
    path: str
    handle: Handler
    answer: Any = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    media: str = "application/json"

    @property
    def name(self) -> str:
        """What programs call it."""
        return str(getattr(self.handle, "__name__", "")).replace("_", "-")

    @property
    def summary(self) -> str:
        """What it does, in its own words."""
        return " ".join((self.handle.__doc__ or "").split())

    @property
    def repeatable(self) -> bool:
        """Whether it honours an Idempotency-Key."""
        return self.handle in REPEATABLE


REPEATABLE = frozenset(
    {
        run_routes.start,
        run_routes.give_answer,
        run_routes.edit_prompt,
        run_routes.resume,
        run_routes.retry,
    }
)

RUN = "/api/runs/{run}"
BATCH = "/api/batches/{batch}"

OPERATIONS = (
    Operation("GET", "/api/health", read_routes.health, response_models.Health),
    Operation(
        "GET", "/api/workflows", read_routes.workflows, list[response_models.WorkflowSummary]
    ),
    Operation(
        "GET", "/api/workflows/{workflow}", read_routes.workflow, response_models.WorkflowForm
    ),
    Operation("GET", "/api/llms", read_routes.llms, response_models.LLMs),
    Operation(
        "POST",
        "/api/estimate",
        read_routes.estimate,
        response_models.EstimateDocument,
        request_models.AskEstimate,
    ),
    Operation("POST", "/api/lint", read_routes.lint, response_models.Lint, request_models.AskLint),
    Operation("GET", "/api/exports", read_routes.exports, list[response_models.ExportForm]),
    Operation(
        "GET",
        "/api/savings",
        read_routes.savings,
        response_models.Savings,
        query=request_models.SavingsQuery,
    ),
    Operation(
        "GET",
        "/api/runs",
        read_routes.runs,
        response_models.RunsPage,
        query=request_models.RunsQuery,
    ),
    Operation(
        "POST",
        "/api/runs",
        run_routes.start,
        RunDocument,
        request_models.StartRun,
        status=201,
    ),
    Operation("GET", RUN, read_routes.run, RunDocument),
    Operation("DELETE", RUN, run_routes.delete, response_models.Deleted),
    Operation(
        "POST",
        f"{RUN}/answers",
        run_routes.give_answer,
        response_models.Answered,
        request_models.GiveAnswer,
    ),
    Operation(
        "POST",
        f"{RUN}/edits",
        run_routes.edit_prompt,
        RunDocument,
        request_models.EditPrompt,
    ),
    Operation("POST", f"{RUN}/resume", run_routes.resume, RunDocument, request_models.ResumeRun),
    Operation("POST", f"{RUN}/retry", run_routes.retry, RunDocument, request_models.RetryRun),
    Operation(
        "POST",
        f"{RUN}/preview",
        read_routes.preview_retry,
        response_models.Preview,
        request_models.RetryRun,
    ),
    Operation(
        "POST",
        f"{RUN}/interrupt",
        run_routes.interrupt,
        RunDocument,
        request_models.Nothing,
    ),
    Operation(
        "GET",
        f"{RUN}/download",
        read_routes.download,
        query=request_models.DownloadQuery,
        media="text/*",
    ),
    Operation(
        "POST",
        "/api/sheets",
        batch_routes.judge_sheet,
        response_models.JudgedSheet,
        request_models.AskSheet,
    ),
    Operation("GET", "/api/batches", batch_routes.batches, list[response_models.BatchGlance]),
    Operation(
        "POST",
        "/api/batches",
        batch_routes.start_batch,
        response_models.BatchDocument,
        request_models.AskSheet,
        status=201,
    ),
    Operation("GET", BATCH, batch_routes.batch, response_models.BatchDocument),
    Operation("DELETE", BATCH, batch_routes.delete_batch, response_models.Deleted),
    Operation(
        "POST",
        f"{BATCH}/resume",
        batch_routes.resume_batch,
        response_models.BatchDocument,
        request_models.ResumeBatch,
    ),
    Operation(
        "POST",
        f"{BATCH}/stop",
        batch_routes.stop_batch,
        response_models.BatchDocument,
        request_models.Nothing,
    ),
    Operation(
        "GET",
        f"{BATCH}/download",
        batch_routes.download_batch,
        query=request_models.DownloadBatchQuery,
        media="text/*",
    ),
    Operation(
        "GET",
        "/api/events",
        read_routes.events,
        query=request_models.EventsQuery,
        media="text/event-stream",
    ),
)
