"""Every route in one table: where it is, what it takes, what it answers, and who carries it out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.web import answers, forms, looking, running, sheets

if TYPE_CHECKING:
    from pydantic import BaseModel

    from callsheet.web.calls import Call

Handler = Callable[["Call"], Awaitable[Any]]


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
    {running.start, running.give_answer, running.edit_prompt, running.resume, running.retry}
)

RUN = "/api/runs/{run}"
BATCH = "/api/batches/{batch}"

OPERATIONS = (
    Operation("GET", "/api/health", looking.health, answers.Health),
    Operation("GET", "/api/workflows", looking.workflows, list[answers.Workflow]),
    Operation("GET", "/api/workflows/{workflow}", looking.workflow, answers.WorkflowForm),
    Operation("GET", "/api/llms", looking.llms, answers.LLMs),
    Operation("POST", "/api/estimate", looking.weigh, answers.Estimate, forms.AskEstimate),
    Operation("POST", "/api/lint", looking.lint, answers.Lint, forms.AskLint),
    Operation("GET", "/api/exports", looking.exports, list[answers.ExportForm]),
    Operation("GET", "/api/savings", looking.savings, answers.Savings, query=forms.SavingsQuery),
    Operation("GET", "/api/runs", looking.runs, answers.RunsPage, query=forms.RunsQuery),
    Operation("POST", "/api/runs", running.start, answers.Run, forms.StartRun, status=201),
    Operation("GET", RUN, looking.run, answers.Run),
    Operation("DELETE", RUN, running.delete, answers.Deleted),
    Operation("POST", f"{RUN}/answers", running.give_answer, answers.Answered, forms.GiveAnswer),
    Operation("POST", f"{RUN}/edits", running.edit_prompt, answers.Run, forms.EditPrompt),
    Operation("POST", f"{RUN}/resume", running.resume, answers.Run, forms.ResumeRun),
    Operation("POST", f"{RUN}/retry", running.retry, answers.Run, forms.RetryRun),
    Operation("POST", f"{RUN}/preview", looking.preview_retry, answers.Preview, forms.RetryRun),
    Operation("POST", f"{RUN}/interrupt", running.interrupt, answers.Run, forms.Nothing),
    Operation(
        "GET", f"{RUN}/download", looking.download, query=forms.DownloadQuery, media="text/*"
    ),
    Operation("POST", "/api/sheets", sheets.judge_sheet, answers.JudgedSheet, forms.AskSheet),
    Operation("GET", "/api/batches", sheets.batches, list[answers.BatchGlance]),
    Operation(
        "POST", "/api/batches", sheets.start_batch, answers.Batch, forms.AskSheet, status=201
    ),
    Operation("GET", BATCH, sheets.batch, answers.Batch),
    Operation("DELETE", BATCH, sheets.delete_batch, answers.Deleted),
    Operation("POST", f"{BATCH}/resume", sheets.resume_batch, answers.Batch, forms.ResumeBatch),
    Operation("POST", f"{BATCH}/stop", sheets.stop_batch, answers.Batch, forms.Nothing),
    Operation(
        "GET",
        f"{BATCH}/download",
        sheets.download_batch,
        query=forms.DownloadBatchQuery,
        media="text/*",
    ),
    Operation(
        "GET", "/api/events", looking.events, query=forms.EventsQuery, media="text/event-stream"
    ),
)
