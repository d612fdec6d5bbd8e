"""The table of routes: method, path, handler, request and response of each operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.documents import RunDocument
from callsheet.web import (
    batch_models,
    batch_routes,
    read_routes,
    request_models,
    response_models,
    run_routes,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from callsheet.web.http_io import RequestContext

Handler = Callable[["RequestContext"], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """One method of one path; `media` is the type of a response that is not JSON."""

    method: str
    path: str
    handler: Handler
    response: Any = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    media: str = "application/json"

    @property
    def name(self) -> str:
        """The operation's id in the OpenAPI description."""
        return str(getattr(self.handler, "__name__", "")).replace("_", "-")

    @property
    def summary(self) -> str:
        """What it does: the docstring of its handler."""
        return " ".join((self.handler.__doc__ or "").split())

    @property
    def is_idempotent(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return self.handler in IDEMPOTENT


IDEMPOTENT = frozenset(
    {
        run_routes.start_run,
        run_routes.answer_question,
        run_routes.edit_prompt,
        run_routes.note_run,
        run_routes.keep_image,
        run_routes.resume_run,
        run_routes.retry_run,
    }
)

RUN = "/api/runs/{run}"
BATCH = "/api/batches/{batch}"

OPERATIONS = (
    Operation("GET", "/api/health", read_routes.get_health, response_models.Health),
    Operation(
        "GET", "/api/workflows", read_routes.list_workflows, list[response_models.WorkflowSummary]
    ),
    Operation(
        "GET", "/api/workflows/{workflow}", read_routes.get_workflow, response_models.WorkflowForm
    ),
    Operation("GET", "/api/llms", read_routes.list_llms, response_models.LLMList),
    Operation(
        "POST",
        "/api/estimate",
        read_routes.estimate_groups,
        response_models.EstimateDocument,
        request_models.EstimateRequest,
    ),
    Operation(
        "POST",
        "/api/lint",
        read_routes.lint_prompt,
        response_models.LintReport,
        request_models.LintRequest,
    ),
    Operation(
        "GET", "/api/exports", read_routes.list_export_formats, list[response_models.ExportSummary]
    ),
    Operation(
        "GET",
        "/api/savings",
        read_routes.get_savings,
        response_models.SavingsDocument,
        query=request_models.SavingsQuery,
    ),
    Operation(
        "GET",
        "/api/runs",
        read_routes.list_runs,
        response_models.RunPage,
        query=request_models.RunsQuery,
    ),
    Operation(
        "POST",
        "/api/runs",
        run_routes.start_run,
        RunDocument,
        request_models.StartRunRequest,
        status=201,
    ),
    Operation("GET", RUN, read_routes.get_run, RunDocument),
    Operation("DELETE", RUN, run_routes.delete_run, response_models.Deleted),
    Operation(
        "POST",
        f"{RUN}/answers",
        run_routes.answer_question,
        response_models.RecordedAnswer,
        request_models.AnswerRequest,
    ),
    Operation(
        "POST",
        f"{RUN}/edits",
        run_routes.edit_prompt,
        RunDocument,
        request_models.EditRequest,
    ),
    Operation("POST", f"{RUN}/notes", run_routes.note_run, RunDocument, request_models.NoteRequest),
    Operation(
        "POST",
        f"{RUN}/images",
        run_routes.keep_image,
        RunDocument,
        request_models.RenderedImageRequest,
    ),
    Operation("GET", f"{RUN}/images/{{model}}", read_routes.get_image, media="image/*"),
    Operation("GET", f"{RUN}/pictures/{{key}}", read_routes.get_picture, media="image/*"),
    Operation(
        "POST", f"{RUN}/resume", run_routes.resume_run, RunDocument, request_models.ResumeRequest
    ),
    Operation(
        "POST", f"{RUN}/retry", run_routes.retry_run, RunDocument, request_models.RetryRequest
    ),
    Operation(
        "POST",
        f"{RUN}/preview",
        read_routes.preview_retry,
        response_models.RetryPreview,
        request_models.RetryRequest,
    ),
    Operation(
        "POST",
        f"{RUN}/interrupt",
        run_routes.interrupt_run,
        RunDocument,
        request_models.EmptyRequest,
    ),
    Operation(
        "GET",
        f"{RUN}/download",
        read_routes.download_prompts,
        query=request_models.DownloadQuery,
        media="text/*",
    ),
    Operation(
        "POST",
        "/api/sheets",
        batch_routes.check_sheet,
        batch_models.SheetEstimate,
        request_models.BatchRequestBody,
    ),
    Operation("GET", "/api/batches", batch_routes.list_batches, list[batch_models.BatchSummary]),
    Operation(
        "POST",
        "/api/batches",
        batch_routes.start_batch,
        batch_models.BatchDocument,
        request_models.BatchRequestBody,
        status=201,
    ),
    Operation("GET", BATCH, batch_routes.get_batch, batch_models.BatchDocument),
    Operation(
        "GET",
        f"{BATCH}/rows",
        batch_routes.list_rows,
        batch_models.BatchRowPage,
        query=request_models.BatchRowsQuery,
    ),
    Operation("DELETE", BATCH, batch_routes.delete_batch, response_models.Deleted),
    Operation(
        "POST",
        f"{BATCH}/resume",
        batch_routes.resume_batch,
        batch_models.BatchDocument,
        request_models.ResumeBatchRequest,
    ),
    Operation(
        "POST",
        f"{BATCH}/stop",
        batch_routes.stop_batch,
        batch_models.BatchDocument,
        request_models.EmptyRequest,
    ),
    Operation(
        "POST",
        f"{BATCH}/cancel",
        batch_routes.cancel_batch,
        batch_models.BatchDocument,
        request_models.EmptyRequest,
    ),
    Operation(
        "POST",
        f"{BATCH}/resend",
        batch_routes.resend_job,
        batch_models.BatchDocument,
        request_models.ResendJobRequest,
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
        read_routes.stream_events,
        query=request_models.EventsQuery,
        media="text/event-stream",
    ),
)
