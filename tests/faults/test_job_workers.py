"""A batch in provider jobs on PostgreSQL whose command is killed: a worker reads the job and ends the rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.batches import ideas, read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.openai_jobs import OpenAIJobs
from tests.support.worker_starter import JOBS_AT, WorkerStarter
from tests.support.workers import WorkerGroup, wait_for, workers_on

ROWS = 6

WORDS = ("ideas.csv", "--groups", "leonardo", "--output", "out.csv", "--llm", "openai:gpt-5.4-mini")


@pytest.fixture
def provider() -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        yield server


@pytest.fixture
def workers(
    terminal: Terminal, provider: OpenAIJobs, database_url: str, worker_starter: WorkerStarter
) -> Iterator[WorkerGroup]:
    terminal.env |= {JOBS_AT: provider.url, "OPENAI_API_KEY": "k"}
    write_sheet(terminal.folder / "ideas.csv", ideas(ROWS))
    with workers_on(terminal, database_url, worker_starter=worker_starter) as workers:
        yield workers


def _finished(url: str) -> int:
    with psycopg.connect(url) as connection:
        query = "select count(*) from callsheet.events where body like '%run_finished%'"
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def test_a_command_killed_after_its_job_was_sent_is_finished_by_workers_and_each_row_billed_once(
    workers: WorkerGroup, provider: OpenAIJobs, database_url: str
) -> None:
    provider.hold = True
    killed = workers.start_batch(*WORDS, "--jobs", "--wait")
    wait_for(lambda: [each for each in provider.seen if "GET /v1/batches/" in each], "a poll")
    for _ in range(2):
        workers.start_worker()
    polls = len(provider.seen)
    killed.process.kill()
    wait_for(lambda: len(provider.seen) > polls + 2, "a worker's poll")
    assert _finished(database_url) == 0
    workers.processes[1].process.kill()
    provider.hold = False
    wait_for(lambda: _finished(database_url) == ROWS, "the end")
    assert (len(provider.creates), len(provider.bills)) == (1, ROWS)

    again = workers.start_batch(*WORDS, "--jobs")
    assert again.process.wait() == 0, again.output
    written = read_csv(workers.terminal.folder / "out.csv")
    assert [row["status"] for row in written] == ["succeeded"] * ROWS
    assert (len(provider.creates), len(provider.bills)) == (1, ROWS)
    assert not [seen for seen in provider.requests if "chat" in seen.path]
