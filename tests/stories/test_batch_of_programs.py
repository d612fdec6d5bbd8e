"""A program hands in many ideas, and gets as many results, in their order, over each place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from callsheet import batch, batch_async
from callsheet.errors import BillingError, InputError, RefusedError
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import Reply, Request, Usage
from tests.support.batches import ideas, read_csv, write_sheet
from tests.support.run_backends import forget_runs

BIRDS = [f"a heron, number {number}" for number in range(1, 9)]


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs keep their runs where the environment says."""
    if request.param == "postgresql":
        url = request.getfixturevalue("shared_database")
        forget_runs(url)
        monkeypatch.setenv("CALLSHEET_DATABASE_URL", url)


class Writing:
    """Writes the drafts; fails as it is told where an idea holds a certain word."""

    spec = "writing"

    def __init__(self, word: str = "nothing", error: Exception | None = None) -> None:
        self.word, self.error = word, error
        self.calls = 0

    async def compose(self, request: Request, *_: object) -> Reply:
        self.calls += 1
        if self.error is not None and self.word in request.user:
            raise self.error
        return Reply((await OfflineLLM().compose(request)).text, "stop", Usage(), self.spec)


def test_results_are_in_the_order_of_the_ideas_and_paid_for_once() -> None:
    llm = Writing()
    results = batch(iter(BIRDS), ["leonardo"], llm=llm, concurrency=4)
    again = batch(BIRDS, ["leonardo"], llm=llm)

    assert [result.cells["idea"] for result in results] == BIRDS
    assert [result.row for result in results] == list(range(1, 9))
    assert {result.status for result in results} == {"succeeded"}
    assert all("LEONARDO_ANIME_XL_A" in result.prompts for result in results)
    assert [result.prompts for result in again] == [result.prompts for result in results]
    assert llm.calls == 8
    batch(BIRDS[:2], ["leonardo"], llm=llm, name="another")
    assert llm.calls == 10


def test_a_sheet_is_given_by_path_and_the_prompts_are_written_to_a_file(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", [{**row, "shot": "7"} for row in ideas(3)])
    results = batch(sheet, ["sora"], output=tmp_path / "out.csv")
    found = read_csv(tmp_path / "out.csv")
    assert [row["SORA_1_A"] for row in found] == [each.prompts["SORA_1_A"] for each in results]
    assert {row["shot"] for row in found} == {"7"}
    with pytest.raises(InputError, match="the sheet itself"):
        batch(str(sheet), ["sora"], output=sheet)


def test_a_row_that_fails_alone_is_reported_and_retried_only_on_request() -> None:
    llm = Writing("number 3", RefusedError("the LLM declined"))
    failed = batch(BIRDS, ["leonardo"], llm=llm)[2]
    assert (failed.status, failed.code, dict(failed.prompts)) == ("failed", "refused", {})
    assert "declined" in failed.problems[0]

    llm.error = None
    assert batch(BIRDS, ["leonardo"], llm=llm)[2].status == "failed"
    assert llm.calls == 8
    assert batch(BIRDS, ["leonardo"], llm=llm, retry_failed=True)[2].status == "succeeded"
    assert llm.calls == 9


async def test_what_every_row_would_meet_is_raised_after_the_last_result_and_then_gone_on_with(
    tmp_path: Path,
) -> None:
    llm, report = Writing("number 5", BillingError("pay first")), list[str]()
    options: dict[str, Any] = {"llm": llm, "concurrency": 1, "output": tmp_path / "out.jsonl"}

    async def listen() -> None:
        async for result in batch_async(BIRDS, ["leonardo"], **options):
            report.append(result.status)

    with pytest.raises(BillingError, match="pay first"):
        await listen()
    assert report == ["succeeded"] * 4 + ["left"] * 4
    assert (tmp_path / "out.jsonl.part").exists()

    llm.error = None
    results = [each async for each in batch_async(BIRDS, ["leonardo"], **options)]
    assert {each.status for each in results} == {"succeeded"}
    assert llm.calls == 5 + 4
    assert (tmp_path / "out.jsonl").exists()


async def test_each_result_is_yielded_while_the_next_is_written() -> None:
    report = asyncio.Event()

    class Waiting(Writing):
        async def compose(self, request: Request, *rest: object) -> Reply:
            if "number 2" in request.user:
                await report.wait()
            return await super().compose(request, *rest)

    async with asyncio.timeout(60):
        async for result in batch_async(BIRDS[:3], ["leonardo"], llm=Waiting(), concurrency=3):
            assert result.status == "succeeded"
            report.set()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["a heron", {"idea": "a boat", "groups": "soar"}], "row 2: there is no model group"),
        (["a heron", {"idea": object()}], "row 2 is neither"),
        (["a heron", 7], "row 2 is neither"),
        ([], "no ideas were given"),
        ("nowhere.csv", "cannot be read"),
    ],
)
def test_invalid_ideas_are_reported_before_any_call(rows: Any, says: str) -> None:
    llm = Writing()
    with pytest.raises(InputError, match=says):
        batch(rows, ["sora"], llm=llm)
    assert llm.calls == 0
