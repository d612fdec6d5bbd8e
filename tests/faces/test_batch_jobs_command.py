"""`batch --jobs` on the command line, and the same in Python: what it says until the sheet is written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet import batch
from callsheet.cli.main import main
from callsheet.llm.jobs import JobUncertainError
from tests.support.batches import ideas, read_csv, write_sheet
from tests.support.cli import CommandResult
from tests.support.job_server import call_server
from tests.support.openai_jobs import OpenAIJobs

SHEET = ("batch", "ideas.csv", "--groups", "leonardo", "--output", "out.csv")
JOBS = (*SHEET, "--llm", "openai:gpt-5.4-mini", "--jobs")


Command = Callable[..., CommandResult]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        call_server(monkeypatch, "openai", server.url)
        monkeypatch.setenv("CALLSHEET_HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
        write_sheet(tmp_path / "ideas.csv", ideas(4))
        yield server


@pytest.fixture
def callsheet(
    server: OpenAIJobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    del server

    def call(*words: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["callsheet", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return CommandResult(int(ended.value.code or 0), *capsys.readouterr())

    return call


def test_the_command_says_what_waits_and_the_same_one_writes_the_sheet(
    callsheet: Command, server: OpenAIJobs
) -> None:
    server.hold = True
    sent = callsheet(*JOBS)
    (job,) = server.creates
    assert sent.status == 3
    assert f"job {job}: 4 rows at the provider" in sent.err
    assert f"callsheet {' '.join(JOBS)}" in sent.err

    again = callsheet(*JOBS, "--json")
    assert (again.status, again.json["waiting"], again.json["written"]) == (3, 4, 0)
    assert [each["state"] for each in again.json["jobs"]] == ["sent"]
    listed = callsheet("runs")
    assert f"job {job} of {again.json['batch']}" in listed.err
    assert f"callsheet {' '.join(JOBS)}" in listed.err
    assert job in callsheet("show", "last").err
    refused = callsheet("delete", "last")
    assert (refused.status, job in refused.err) == (2, True)

    server.hold = False
    done = callsheet(*JOBS)
    assert done.status == 0
    assert "4 of 4 rows written to out.csv" in done.err
    assert {row["status"] for row in read_csv(Path("out.csv"))} == {"succeeded"}
    assert server.creates == [job]
    assert "job" not in callsheet("runs").err


def test_cancelled_jobs_keep_what_is_done_and_the_same_command_goes_on(
    callsheet: Command, server: OpenAIJobs
) -> None:
    server.hold = True
    callsheet(*JOBS)
    cancelled = callsheet(*JOBS, "--cancel", "--json")
    assert (cancelled.json["written"], cancelled.json["left"]) == (2, 2)
    priced = callsheet(*JOBS, "--dry-run")
    assert "measured on 2 finished rows" in priced.out
    assert "at most" in priced.out
    server.hold = False
    assert callsheet(*JOBS, "--wait").status == 0
    assert len(server.bills) == 4


def test_a_program_cancels_jobs_and_sends_one_again_as_the_command_does(server: OpenAIJobs) -> None:
    def ends(**options: Any) -> list[str]:
        words = {"llm": "openai:gpt-5.4-mini", "jobs": True} | options
        return [each.status for each in batch(Path("ideas.csv"), ["leonardo"], **words)]

    server.hold = True
    assert ends(wait=False) == ["left"] * 4
    assert sorted(ends(cancel=True)) == ["left", "left", "succeeded", "succeeded"]
    server.hold, server.drop_after_create = False, True
    with pytest.raises(JobUncertainError) as uncertain:
        ends()
    job = str(uncertain.value.hint).partition("--resend ")[2][:8]
    assert ends(resend=job) == ["succeeded"] * 4
    assert (len(server.creates), len(server.bills)) == (3, 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*SHEET, "--llm", "openai:gpt-5.4-mini", "--wait"), "add --jobs"),
        ((*SHEET, "--llm", "offline", "--jobs"), "takes no batch jobs"),
        ((*JOBS, "--tier", "flex"), "leave --tier or --jobs out"),
        ((*JOBS, "--resend", "nothing"), "is no job of this batch"),
    ],
)
def test_what_does_not_go_with_jobs_is_refused_before_anything_is_sent(
    callsheet: Command, server: OpenAIJobs, words: tuple[str, ...], message: str
) -> None:
    refused = callsheet(*words)
    assert refused.status == 2
    assert message in refused.err
    assert server.creates == []
