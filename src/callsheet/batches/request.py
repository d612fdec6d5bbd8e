"""The options of a batch, and the error for a sheet that cannot be executed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.batches.row_parser import RowDefaults, RowProblem
from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.errors import InputError
from callsheet.loader.bundle import DEFAULT_WORKFLOW
from callsheet.store.port import RateLimit

if TYPE_CHECKING:
    from pathlib import Path

    from callsheet.fidelity import IdeaCheckMode
    from callsheet.runs.job_records import RepairBy


DEFAULT_CONCURRENCY = 10
"""Calls at once where nobody says how many."""


@dataclass(frozen=True)
class BatchRequest:
    """The options of a batch; `defaults` holds what rows do not say themselves.

    `limit` takes the first rows only, `sample` a random selection of so many. With `jobs`, calls go
    into provider jobs; `wait` waits for them, `cancel` ends them, `resend` names one that is to be sent
    again, and `repair` is where repairs go. `command` is what a person gives to continue.

    Without `concurrency`, it is found for a server of the person's own, up to DEFAULT_CONCURRENCY.
    """

    file: Path
    title: str = ""
    workflow: str = DEFAULT_WORKFLOW
    defaults: RowDefaults = field(default_factory=RowDefaults)
    llm: str | None = None
    base_url: str | None = None
    max_cost: float | None = None
    concurrency: int | None = None
    rate_limit: RateLimit = field(default_factory=RateLimit)
    retry_failed: bool = False
    strict: bool = False
    idea_check: IdeaCheckMode | None = None
    call_options: CallOptions = NO_OPTIONS
    overwrite: bool = False
    limit: int | None = None
    sample: int | None = None
    jobs: bool = False
    wait: bool = False
    cancel: bool = False
    resend: str = ""
    repair: RepairBy = "live"
    command: str = ""


class SheetError(InputError):
    """A sheet with rows that cannot be executed; holds every problem, and nothing was paid."""

    code = "bad_rows"

    def __init__(self, problems: list[RowProblem], rows: int) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        super().__init__(
            f"{count} in {rows} rows, so nothing was started; the first: {problems[0]}",
            hint="correct them and give the command again",
        )
        self.problems = tuple(problems)
