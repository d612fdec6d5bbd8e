"""A sheet of ideas becomes a sheet of prompts: every row once, in order, and nothing is bought twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callsheet.batches.row_parser import RowDefaults
from callsheet.batches.writers import texts_of
from callsheet.errors import InputError
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.loopback import Refusal, Status
from tests.support.plain_llm import PlainLLM
from tests.support.run_backends import RunBackend
from tests.support.runs import client_of
from tests.support.strict_openai import StrictOpenAI


@pytest.fixture
def bench(place: RunBackend, server: StrictOpenAI) -> SharedStore:
    return SharedStore(place.store, PlainLLM(server.url))


async def test_every_row_is_written_in_the_order_of_the_sheet(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(30))
    await bench.write(sheet, tmp_path / "out.csv")
    found = read_csv(tmp_path / "out.csv")
    assert [row["idea"] for row in found] == [row["idea"] for row in ideas(30)]
    assert {row["status"] for row in found} == {"succeeded"}
    assert all(row["LEONARDO_ANIME_XL_A"] for row in found)
    assert len(server.requests) == 30
    assert not (tmp_path / "out.csv.part").exists()


async def test_the_same_sheet_again_makes_no_call_and_gives_the_same_result(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(10))
    await bench.write(sheet, tmp_path / "one.csv")
    again = await bench.write(sheet, tmp_path / "two.csv")
    assert len(server.requests) == 10
    assert again.progress.fresh == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


async def test_only_changed_and_new_rows_are_written(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    rows = ideas(5)
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    await bench.execute(sheet)
    rows[1] = {"idea": "a boat"}
    write_sheet(sheet, [{"idea": "before all"}, *rows, {"idea": "after all"}])
    batch, ends = await bench.execute(sheet)
    assert len(server.requests) == 8
    assert [end.fresh for end in ends] == [True, False, True, False, False, False, True]
    assert batch.progress.done == 7


@pytest.mark.parametrize("part", [{"limit": 3}, {"sample": 3}])
async def test_a_part_of_a_sheet_is_written_first_and_the_rest_later_without_paying_twice(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI, part: dict[str, int]
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(12))
    first, ends = await bench.execute(sheet, **part)
    _, again = await bench.execute(sheet, **part)
    numbers = [end.row.number for end in ends]
    assert (first.progress.total, first.progress.done, len(server.requests)) == (3, 3, 3)
    assert numbers == [end.row.number for end in again] == sorted(numbers)
    assert ("limit" in part) == (numbers == [2, 3, 4])
    whole, ends = await bench.execute(sheet)
    assert (whole.name, whole.progress.done, len(server.requests)) == (first.name, 12, 12)


async def test_a_sample_is_fixed_by_the_rows_whatever_else_the_sheet_holds(
    tmp_path: Path, bench: SharedStore
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(12))
    some = {row.cells["idea"] for row in bench.batch(sheet, sample=6).rows()}
    write_sheet(sheet, [{"idea": "one more before all"}, *ideas(12)])
    more = {row.cells["idea"] for row in bench.batch(sheet, sample=7).rows()}
    assert len(some) == 6
    assert len(some & more) >= 5
    assert len([*bench.batch(sheet, sample=99).rows()]) == 13


async def test_the_first_rows_and_a_sample_at_once_are_refused(
    tmp_path: Path, bench: SharedStore
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    with pytest.raises(InputError, match="do not go together"):
        bench.batch(sheet, limit=1, sample=1)


async def test_other_groups_are_another_batch(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    first, _ = await bench.execute(sheet)
    bench.defaults = RowDefaults(("sora",))
    second, _ = await bench.execute(sheet)
    assert first.name != second.name
    assert len(server.requests) == 4


async def test_a_duplicate_row_is_written_twice(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", [*ideas(1), *ideas(1)])
    _, ends = await bench.execute(sheet)
    assert len(server.requests) == 2
    assert len({end.row.run for end in ends}) == 2


async def test_rows_may_have_groups_and_a_brief_of_their_own(tmp_path: Path) -> None:
    rows = [
        {"idea": "a heron", "groups": "sora", "aspect_ratio": "16:9", "shot": "1"},
        {"idea": "a boat", "groups": "motion_2_0; leonardo", "aspect_ratio": "", "shot": "2"},
    ]
    bench = SharedStore.with_llm()
    bench.defaults = RowDefaults((), {"mood": "stormy"})
    await bench.write(write_sheet(tmp_path / "ideas.csv", rows), tmp_path / "out.jsonl")
    heron, boat = map(json.loads, (tmp_path / "out.jsonl").read_text("utf-8").splitlines())
    assert "stormy" in heron["SORA_2_A"]
    assert heron["LEONARDO_ANIME_XL_A"] is None
    assert boat["LEONARDO_ANIME_XL_A"]
    assert boat["SORA_2_A"] is None
    assert (heron["shot"], boat["shot"]) == ("1", "2")


async def test_one_bad_row_is_named_and_the_others_are_written(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    def answer(seen):  # type: ignore[no-untyped-def]
        return server.answer(seen, Refusal() if "number 3" in str(seen.json) else None)

    server.fail(*[answer] * 6)
    bench.llm = client_of(server)
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(6))
    batch = await bench.write(sheet, tmp_path / "out.csv")
    found = read_csv(tmp_path / "out.csv")
    assert [row["status"] for row in found].count("failed") == 1
    assert found[2]["problems"].startswith("refused: ")
    assert found[2]["LEONARDO_ANIME_XL_A"] == ""
    assert (batch.progress.done, batch.progress.failed) == (5, 1)

    paid = len(server.requests)
    await bench.execute(sheet)
    assert len(server.requests) == paid  # a row that failed by itself is not tried unasked
    batch, _ = await bench.execute(sheet, retry_failed=True)
    assert len(server.requests) == paid + 1
    assert (batch.progress.done, batch.progress.failed, batch.progress.fresh) == (6, 0, 1)


async def test_rows_that_only_the_provider_failed_are_tried_again_by_the_same_command(
    tmp_path: Path, bench: SharedStore, server: StrictOpenAI
) -> None:
    bench.llm = client_of(server)
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(3))
    server.fail(*[Status(500)] * 4)
    batch, _ = await bench.execute(sheet, concurrency=1)
    assert (batch.progress.done, batch.progress.failed) == (2, 1)
    batch, _ = await bench.execute(sheet)
    assert (batch.progress.done, batch.progress.failed) == (3, 0)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
async def test_what_is_written_can_be_read_back_as_it_was(tmp_path: Path, ending: str) -> None:
    idea = '=cmd|" /C calc"!A0, a heron\nat “dawn” 🌅'
    rows = [{"idea": idea, "note": "+1-2", "price": "-3.50"}]
    bench = SharedStore.with_llm()
    bench.defaults = RowDefaults(("motion_2_0",))
    output = tmp_path / f"out.{ending}"
    await bench.write(write_sheet(tmp_path / "ideas.csv", rows), output)
    if ending == "jsonl":
        row = json.loads(output.read_text("utf-8"))
    else:
        row = read_csv(output)[0]
        assert row["idea"].startswith("'=cmd")
        assert row["note"] == "'+1-2"
        assert row["price"] == "-3.50"
        row = {name: value.removeprefix("'") for name, value in row.items()}
    assert row["idea"] == idea
    assert row["motion_2_0.detailed_technical"]


async def test_markdown_shows_each_row_with_its_prompts(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    await SharedStore.with_llm().write(sheet, tmp_path / "out.md")
    text = (tmp_path / "out.md").read_text("utf-8")
    assert "# row 2: a heron by the river, number 1" in text
    assert text.count("## LEONARDO_ANIME_XL_A\n\n```text\n") == 2


async def test_an_unknown_file_format_or_a_reserved_column_is_rejected(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1))
    with pytest.raises(InputError, match="no form"):
        await SharedStore.with_llm().write(sheet, tmp_path / "out.ods")
    write_sheet(sheet, [{"idea": "x", "status": "new"}])
    with pytest.raises(InputError, match="status"):
        await SharedStore.with_llm().write(sheet, tmp_path / "out.csv")


def test_a_prompt_that_is_an_object_has_a_column_for_each_of_its_texts() -> None:
    prompts = {"ONE": {"positive": "a heron", "weights": [1, 2]}, "TWO": "a boat", "NONE": None}
    assert dict(texts_of(prompts)) == {
        "ONE.positive": "a heron",
        "ONE.weights": "[1, 2]",
        "TWO": "a boat",
        "NONE": "",
    }
