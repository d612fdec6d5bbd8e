"""What a provider tells of a batch job: its state, its rows' results, and whether it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from callsheet.errors import CallsheetError
    from callsheet.llm.port import Reply

JobState = Literal["waiting", "running", "ending", "ended"]
"""`ending` also stands for a cancelled job whose last rows are being written."""

JobRowErrorKind = Literal["errored", "expired", "cancelled", "unavailable"]
"""Why a row has no reply; `unavailable` rows did not run for a reason that passes, and cost nothing."""

JOB_NAME = "callsheet-"
"""What the names of jobs and files at a provider begin with; the job's id follows."""


@dataclass(frozen=True)
class JobStatus:
    """The state of a job; the counts of rows may move only when it ends.

    `ends_by` is the Unix time at which it ends at the latest. `message` is the provider's where it
    refused the job after it was created; `no_room` says that the account's limit of queued tokens was the reason, so
    that it can be sent again, or a smaller one, once other jobs have ended. `unlisted` is what became of rows that
    the results of an ended job leave out; without it, the provider lost them.
    """

    state: JobState
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    ends_by: float | None = None
    message: str = ""
    no_room: bool = False
    unlisted: JobRowError | None = None


@dataclass(frozen=True)
class Found:
    """The provider has a job with our mark."""

    provider_id: str


@dataclass(frozen=True)
class MaybeOurs:
    """The provider has jobs that may be ours: which, it shows only after they have ended."""

    provider_ids: tuple[str, ...]


@dataclass(frozen=True)
class JobRowError:
    """A row without a reply; none is billed. Expired, cancelled and unavailable rows can be sent again."""

    kind: JobRowErrorKind
    error: CallsheetError

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        return self.error.message


@dataclass(frozen=True)
class JobResult:
    """The result of one row of a job; rows that the provider lost have none."""

    custom_id: str
    outcome: Reply | JobRowError
