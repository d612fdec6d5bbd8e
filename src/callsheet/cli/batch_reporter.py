"""Reports the result of a batch."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.exit import error_object, exit_immediately, print_error
from callsheet.cli.output import counted, note, note_command, print_json, wrapped
from callsheet.cli.progress import duration, progress_text
from callsheet.exports.texts import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.batches.output_file import OutputFile
    from callsheet.runs.job_records import JobRecord

EXIT_WAITING = 3
EXIT_ROWS_FAILED = 4

ONCE = ("--cancel", "--resend")
"""Options that are not given again to continue."""

JOB_STATES = {
    "packing": "being packed",
    "sending": "sent, but not confirmed by the provider,",
    "sent": "at the provider",
    "reading": "being read",
    "done": "done",
}

MAX_LISTED = 20
"""How many failed rows or problems are listed; the others are counted."""


@dataclass
class BatchReporter:
    """Reports how a batch ended: complete, paused by the provider, or stopped by a signal."""

    batch: Batch
    output: OutputFile
    json: bool
    signals: list[int] = field(default_factory=list)
    failures: list[RowOutcome] = field(default_factory=list)
    unsaved: int = 0

    def add(self, outcome: RowOutcome) -> None:
        """Remembers a row that failed, and counts one that could not be stored."""
        if outcome.status == "failed":
            self.failures.append(outcome)
        self.unsaved += outcome.status == "left" and bool(outcome.prompts) and not outcome.waits

    def install_signal_handlers(self) -> None:
        """Lets active calls end on the first SIGINT or SIGTERM; exits on the second."""
        # Platforms without these handlers fall back to those of the command line.
        with suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._handle_signal, number)

    def _handle_signal(self, number: int) -> None:
        self.signals.append(number)
        if len(self.signals) > 1:
            exit_immediately(number)
        note(
            "stopping: active calls have a few seconds to finish; press Ctrl-C again to exit immediately"
        )
        self.batch.stop()

    def report(self) -> int:
        """Prints the result; returns the exit status."""
        progress = self.batch.progress
        path = self.output.close(complete=not progress.left)
        if self.output.moved_to is not None:
            note(f"the earlier {path} is not of this batch; it is kept as {self.output.moved_to}")
        if self.json:
            print_json(self._document(path))
        print_some([_failure_line(outcome) for outcome in self.failures])
        left = f", {progress.left:,} left" if progress.left else ""
        written = f"{progress.done:,} of {progress.total:,} rows written to {path}{left}"
        note(f"{written}; {progress_text(progress)}")
        if self.unsaved:
            rows = counted(self.unsaved, "row")
            note(f"the prompts of {rows} were received, but not stored; they are in {path}")
        return self._report_end()

    def _report_end(self) -> int:
        """Prints how to continue; returns the exit status."""
        command = command_again()
        paused = self.batch.paused_by
        if self.signals:
            note_command("to continue", command)
            return 128 + self.signals[0]
        if paused is not None:
            print_error(f"the batch is paused: {paused.message}", paused.hint)
            note_command("to continue, without paying for finished rows again", command)
            return paused.exit_code
        if self.batch.progress.waiting:
            print_jobs(self.batch.jobs.live if self.batch.jobs else ())
            note_command("to read what has ended, and to continue", command)
            return EXIT_WAITING
        if self.failures and not self.batch.request.retry_failed:
            note_command("to retry the failed rows", f"{command} --retry-failed")
        return EXIT_ROWS_FAILED if self.failures or self.batch.progress.left else 0

    def _document(self, path: Path) -> dict[str, Any]:
        progress, paused = self.batch.progress, self.batch.paused_by
        document = {
            "batch": self.batch.name,
            "output": str(path),
            "rows": progress.total,
            "written": progress.done,
            "failed": progress.failed,
            "left": progress.left,
            "repaired": progress.repaired,
            "usage": asdict(progress.usage),
            "failures": [
                {
                    "row": outcome.row.number,
                    "id": outcome.row.id,
                    "run": outcome.row.run,
                    "code": outcome.code,
                    "message": "; ".join(outcome.problems),
                }
                for outcome in self.failures
            ],
        }
        if self.batch.jobs is not None:
            document["waiting"] = progress.waiting
            document["jobs"] = [record.document() for record in self.batch.jobs.records]
        return document | ({"error": error_object(paused)} if paused else {})


def _failure_line(outcome: RowOutcome) -> str:
    return f"{outcome.row.label}: {outcome.code}: {'; '.join(outcome.problems)}"


def command_again() -> str:
    """The command that was given, as a person gives it again to continue."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word == "--resend":
            next(words, None)
        elif word.partition("=")[0] not in ONCE:
            kept.append(word)
    return shlex.join(["callsheet", *kept])


def print_jobs(jobs: Sequence[JobRecord]) -> None:
    """Prints how each provider job stands, on stderr."""
    for job in jobs:
        note(f"job {job.id}: {job_text(job)}")


def job_text(job: JobRecord) -> str:
    """How a provider job stands: its rows, its age, and when it ends at the latest."""
    done = f", {job.succeeded + job.failed:,} done" if job.succeeded or job.failed else ""
    age = duration(time.time() - (job.sent or job.created))
    state = "being cancelled" if job.cancelled else JOB_STATES[job.state]
    ends = ""
    if job.ends_by:
        ends = f", ends by {datetime.fromtimestamp(job.ends_by).astimezone():%Y-%m-%d %H:%M}"
    return f"{counted(job.rows, 'row')} {state} for {age}{done}{ends}"


def print_some(lines: list[str]) -> None:
    """Prints the first lines on stderr, and how many more there are."""
    for line in lines[:MAX_LISTED]:
        click.echo(wrapped(printable(line), err=True, indent="  "), err=True)
    if len(lines) > MAX_LISTED:
        note(f"and {len(lines) - MAX_LISTED:,} more")
