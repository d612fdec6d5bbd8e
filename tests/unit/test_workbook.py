"""A workbook is read as the spreadsheet shows it, and written so that every text stays a text."""

from __future__ import annotations

import base64
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from xlsxwriter import Workbook as Written

from callsheet import batch
from callsheet.batches import workbook
from callsheet.batches.sheet_reader import SheetReader
from callsheet.batches.workbook import MAX_CELL, Workbook
from callsheet.errors import InputError
from tests.support.batches import SharedStore, ideas, write_sheet

FORMULA = '=HYPERLINK("http://198.51.100.1","x")'


def saved(path: Path, rows: list[list[object]]) -> Path:
    """A workbook as Excel saves it: a hidden sheet before it, empty rows above."""
    written = Written(path, {"strings_to_formulas": False})
    hidden = written.add_worksheet("lists")
    hidden.write_string(0, 0, "not this one")
    sheet = written.add_worksheet("ideas")
    sheet.activate()
    hidden.hide()
    day = written.add_format({"num_format": "yyyy-mm-dd"})
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(number, column, cell, day)
            elif cell is not None:
                sheet.write(number, column, cell)
    written.close()
    return path


def test_a_workbook_is_read_with_the_row_numbers_that_it_shows(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "ideas.xlsx",
        [
            [],
            ["Idea", "shot", "day", "done"],
            [],
            ["a heron,\nat dawn", 7.0, datetime(2026, 11, 28, tzinfo=UTC).replace(tzinfo=None), True],
            ["'quoted", 1.5],
        ],
    )  # fmt: skip
    lines = list(SheetReader(path).lines())
    assert [(line.number, line.header) for line in lines] == [(4, 2), (5, 2)]
    assert lines[0].cells == {
        "Idea": "a heron,\nat dawn", "shot": "7", "day": "2026-11-28", "done": "TRUE"
    }  # fmt: skip
    assert lines[1].cells == {"Idea": "'quoted", "shot": "1.5", "day": "", "done": ""}
    assert SharedStore.with_llm().batch(path).progress.total == 2


def test_equal_columns_and_empty_sheets_of_a_workbook_are_refused(tmp_path: Path) -> None:
    for rows, report in (([["idea", "Idea"], ["x", "y"]], "'idea' and 'Idea'"), ([], "no header")):
        with pytest.raises(InputError, match=report):
            list(SheetReader(saved(tmp_path / "ideas.xlsx", rows)).lines())


def test_what_is_written_to_a_workbook_is_inert_and_is_read_back(tmp_path: Path) -> None:
    written = Workbook()
    texts = [FORMULA, "+1", "@x", "http://198.51.100.1", "a\r\nb\x08", "_x000D_", "x" * 40_000]
    written.add(["idea", *(f"c{number}" for number in range(len(texts)))])
    written.add(["x", *texts])
    path = tmp_path / "out.xlsx"
    path.write_bytes(written.close())
    with zipfile.ZipFile(path) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in packed.namelist() if "rels" in name and "sheet1" in name]
    assert "<f>" not in sheet
    [line] = SheetReader(path).lines()
    *found, long = [*line.cells.values()][1:]
    assert found == texts[:-1]
    assert isinstance(long, str)
    assert len(long) <= MAX_CELL
    assert long.endswith("x […]")


def test_a_batch_reads_and_writes_workbooks_and_keeps_those_of_others(tmp_path: Path) -> None:
    sheet = saved(tmp_path / "ideas.xlsx", [["idea", "note"], ["a heron at dawn", FORMULA]])
    output = tmp_path / "prompts.xlsx"
    [result] = batch(sheet, ["leonardo"], output=output)
    [line] = SheetReader(output).lines()
    assert line.cells["note"] == FORMULA
    assert line.cells["LEONARDO_ANIME_XL_A"] == result.prompts["LEONARDO_ANIME_XL_A"]
    assert (line.cells["tokens"], line.cells["run"]) == ("0", result.run)
    batch(sheet, ["leonardo"], output=output)
    batch(write_sheet(tmp_path / "other.csv", ideas(1)), ["leonardo"], output=output)
    assert sorted(path.name for path in tmp_path.glob("prompts*")) == [
        "prompts.1.xlsx", "prompts.xlsx"
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500, None])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ideas.xlsx"
    if content is None:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("word/document.xml", "<w/>")
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"ideas\.xlsx cannot be read as a workbook"):
        list(SheetReader(path).lines())


def test_a_workbook_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED", 1_000_000)
    path = saved(tmp_path / "ideas.xlsx", [["idea"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/more.xml", b" " * 2_000_000)
    with pytest.raises(InputError, match="more than 1 MB unpacked"):
        list(SheetReader(path).lines())
    # The size that it states may be false.
    false = path.read_bytes().replace((2_000_000).to_bytes(4, "little"), b"\1\0\0\0")
    path.write_bytes(false)
    with pytest.raises(InputError, match="cannot be read as a workbook"):
        list(SheetReader(path).lines())


def test_the_libraries_are_imported_only_for_workbooks() -> None:
    code = (
        "import sys; import callsheet.batches.batch, callsheet.batches.output_file, callsheet.api;"
        "assert not {'python_calamine', 'xlsxwriter'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_workbook_over_http_is_a_data_url(tmp_path: Path) -> None:
    from callsheet.web.batch_routes import _content

    content = saved(tmp_path / "ideas.xlsx", [["idea"], ["x"]]).read_bytes()
    assert _content(f"data:;base64,{base64.b64encode(content).decode()}") == content
    assert _content("data:x;base64,y\nidea\n".removeprefix("data:")) == b"x;base64,y\nidea\n"
    with pytest.raises(InputError, match="not base64"):
        _content("data:text/plain;base64,???")
