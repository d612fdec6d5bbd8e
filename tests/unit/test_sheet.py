"""A sheet of ideas is read as its maker meant it, and what is wrong with a row is said with its number."""

from __future__ import annotations

import codecs
import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.batches.request import SheetError
from callsheet.batches.row_parser import RowDefaults
from callsheet.batches.sheet_reader import MAX_LINE_LENGTH, SheetReader
from callsheet.errors import InputError
from callsheet.exports.csv_cells import escape_cell, unescape_cell
from tests.support.batches import SharedStore

IDEA = "a woman, by a window; “dusk” 夕暮れ"

ENCODINGS = {
    "UTF-8": "utf-8",
    "UTF-8 with a mark": "utf-8-sig",
    "UTF-16 with a mark": "utf-16",
    "UTF-16 little-endian": "utf-16-le",
    "UTF-16 big-endian": "utf-16-be",
}


def sheet_of(tmp_path: Path, content: str | bytes, name: str = "ideas.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path) -> list[dict[str, object]]:
    lines = list(SheetReader(path).lines())
    assert not [line.problem for line in lines if line.problem]
    return [line.cells for line in lines]


def problems(path: Path, *groups: str) -> list[str]:
    bench = SharedStore.with_llm()
    bench.defaults = RowDefaults(groups)
    with pytest.raises(SheetError) as caught:
        bench.batch(path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_every_dialect_of_a_spreadsheet_is_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["shot", "Idea", "Aspect Ratio"], ["1", IDEA, "16:9"], ["2", "x\ny", ""]])
    path = sheet_of(tmp_path, text.getvalue().encode(encoding))
    assert cells(path) == [
        {"shot": "1", "Idea": IDEA, "Aspect Ratio": "16:9"},
        {"shot": "2", "Idea": "x\ny", "Aspect Ratio": ""},
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
def test_every_line_ending_is_read(tmp_path: Path, ending: str) -> None:
    path = sheet_of(tmp_path, ending.join(["idea,id", "a heron,1", "", "a boat,2", ""]))
    assert [line.number for line in SheetReader(path).lines()] == [2, 4]
    assert [row["idea"] for row in cells(path)] == ["a heron", "a boat"]


def test_json_lines_are_read_whatever_the_file_is_called(tmp_path: Path) -> None:
    rows = [{"idea": IDEA, "groups": ["sora"], "shot": {"scene": 3}}, {"idea": "x", "shot": None}]
    path = sheet_of(tmp_path, "\n\n".join(map(json.dumps, rows)), "ideas.txt")
    assert cells(path) == rows


def test_the_problems_of_every_row_are_reported(tmp_path: Path) -> None:
    found = problems(
        sheet_of(tmp_path, "idea,groups,id,aspect_ratio\n,sora,a,\nx,soar,b,wide\ny,,b,\nz,,b,\n"),
        "leonardo",
    )
    assert found[0] == "row 2: has no `idea`"
    assert found[1].startswith("row 3: 'wide' is not a valid `aspect_ratio`")
    assert found[2].startswith("row 3: there is no model group 'soar' (known: sora")
    assert found[3] == "row 5: has the id 'b' of row 4"


def test_a_column_that_resembles_a_field_is_treated_as_a_typo_and_others_pass_through(
    tmp_path: Path,
) -> None:
    found = problems(sheet_of(tmp_path, "idea,asthetic\nx,lofi\ny,lofi\n"), "leonardo")
    assert found == ["row 1: the column 'asthetic' is unknown; is `aesthetic` meant?"]
    batch = SharedStore.with_llm().batch(sheet_of(tmp_path, "idea,shot,camera\nx,1,wide\n"))
    assert batch.passthrough_columns == ["shot", "camera"]


BAD = {
    "bytes of another encoding": (b"idea\nx\n\xc4\xe3\xba\xc3\n", "row 3: is not UTF-8 text"),
    "NUL": (b"idea\nx\na\0b\n", "row 3: has a NUL character in 'idea'"),
    "a cell too many": (b"idea,id\nx,1\na, b, c,2\n", "row 3: has 4 cells, the header 2"),
    "an idea too long": (b"idea\nx\n" + b"y" * 5_000, "row 3: `idea` has 5,000 characters"),
    "20 MB in one cell": (b'idea\nx\n"' + b"y" * 20_000_000 + b'"\nz\n', "row 3: has a line of"),
    "an open quote": (b'idea\nx\n"y' + b"\nz" * 100_000, "row 3: cannot be read: a quote"),
    "a value without a column": (b"idea,\nx,\ny,z\n", "row 3: has a value in a column without"),
    "half of a UTF-16 character": ("idea\nx\n".encode("utf-16") + b"y", "row 3: "),
}


@pytest.mark.parametrize(("content", "report"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_read_is_named_and_so_are_the_rows_behind_it(
    tmp_path: Path, content: bytes, report: str
) -> None:
    assert problems(sheet_of(tmp_path, content), "leonardo")[0].startswith(report)


BAD_JSON = {
    "no JSON": "{oops",
    "no object": "[1]",
    "NaN": '{"idea": NaN}',
    "a number as the idea": '{"idea": 7}',
    "half of a surrogate pair": '{"idea": "\\ud83d"}',
    "NUL": '{"idea": "a\\u0000b"}',
    "nested without end": '{"x": ' + "[" * 99_000,
    "a number of 5,000 digits": '{"idea": "x", "n": ' + "9" * 5_000 + "}",
    "too long": '{"idea": "' + "y" * MAX_LINE_LENGTH + '"}',
}


@pytest.mark.parametrize("line", BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_line_of_json_is_named(tmp_path: Path, line: str) -> None:
    path = sheet_of(tmp_path, f'{{"idea": "x"}}\n{line}\n{{"idea": "z"}}\n', "ideas.jsonl")
    (found,) = problems(path, "leonardo")
    assert found.startswith("row 2: ")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"idea,idea\nx,y\n", b"idea\n"],
    ids=["empty", "blank", "twice", "no row"],
)
def test_a_sheet_without_a_usable_header_or_row_is_rejected(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError):
        SharedStore.with_llm().batch(sheet_of(tmp_path, content))


def test_a_row_needs_groups_from_somewhere(tmp_path: Path) -> None:
    found = problems(sheet_of(tmp_path, "idea,groups\nx,sora\ny,\n"))
    assert found == ["row 3: no model group is named (use --groups or a column `groups`)"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(TEXTS)
def test_any_text_comes_back_from_a_cell_that_no_spreadsheet_computes(text: str) -> None:
    cell = escape_cell(text)
    assert unescape_cell(cell) == text
    assert (
        cell[:1] not in tuple("=+-@\t\r\n")
        or cell.lstrip("+-").replace(".", "").replace(",", "").isdigit()
    )


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_any_rows_come_back_from_a_sheet_as_they_were_written(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerow(["idea", "note"])
    csv.writer(written).writerows([[escape_cell(cell) for cell in row] for row in rows])
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = sheet_of(Path(folder), codecs.BOM_UTF8 + written.getvalue().encode())
        found = [[*line.cells.values()] for line in SheetReader(path).lines()]
    assert found == [row for row in rows if any(row)]


def test_the_first_line_by_which_excel_names_the_delimiter_is_understood(tmp_path: Path) -> None:
    path = sheet_of(tmp_path, codecs.BOM_UTF8 + b"sep=;\r\nidea;note\r\na heron, at dawn;a\r\n")
    assert cells(path) == [{"idea": "a heron, at dawn", "note": "a"}]
    assert [line.number for line in SheetReader(path).lines()] == [2]
    assert cells(sheet_of(tmp_path, "sep=|\nidea|id\nx|1\n")) == [{"idea": "x", "id": "1"}]


EQUAL = {
    "CSV": ("idea,aspect ratio,aspect_ratio\nx,1:1,2:3\n", "'aspect ratio' and 'aspect_ratio'"),
    "upper case": ("idea,Idea\nx,y\n", "'idea' and 'Idea'"),
    "a column of your own": ("idea,Shot No,shot-no\nx,1,2\n", "'Shot No' and 'shot-no'"),
    "JSON Lines": ('{"idea": "x", "Idea": "y"}\n', "'idea' and 'Idea'"),
    "JSON array": ('[{"idea": "x", "aspect ratio": "1:1", "aspect_ratio": ""}]', "'aspect ratio'"),
    "one key twice": ('{"idea": "x", "idea": "y"}', "an object has one key twice"),
}


@pytest.mark.parametrize(("content", "report"), EQUAL.values(), ids=EQUAL)
def test_columns_that_are_equal_after_normalising_are_refused(
    tmp_path: Path, content: str, report: str
) -> None:
    bench = SharedStore.with_llm()
    with pytest.raises(InputError, match=report):
        bench.batch(sheet_of(tmp_path, content))


ENDS = {"CRLF": "\r\n", "VT": "\x0b", "FF": "\x0c", "NEL": "\x85", "CR": "\r", "LS": "\u2028"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_line_ends_inside_a_cell_are_folded_and_make_no_other_run(
    tmp_path: Path, end: str
) -> None:
    bench, runs = SharedStore.with_llm(), []
    for each in (end, "\n"):
        path = sheet_of(tmp_path, f'idea,note\n"a heron{each}by the river",mine\n')
        [row] = bench.batch(path).rows()
        assert row.answers["brief.idea" if "brief.idea" in row.answers else "idea"] == (
            "a heron\nby the river"
        )
        runs.append(row.run)
    assert runs[0] == runs[1]


def test_a_json_array_is_read_with_objects_or_texts(tmp_path: Path) -> None:
    rows = [{"idea": IDEA, "shot": {"scene": 3}}, "a boat"]
    path = sheet_of(tmp_path, json.dumps(rows, indent=2), "ideas.json")
    assert cells(path) == [rows[0], {"idea": "a boat"}]
    assert problems(sheet_of(tmp_path, '["x", 7]'), "leonardo") == [
        'row 2: is not a JSON object such as {"idea": "…"}'
    ]
    for bad in ('[{"idea": "x"}', '["x"] y'):
        with pytest.raises(InputError, match=r"ideas\.csv is no JSON"):
            SharedStore.with_llm().batch(sheet_of(tmp_path, bad))


def test_bytes_that_are_no_text_are_named_as_such(tmp_path: Path) -> None:
    for content in (b"idea\ncaf\xe9\n", b'{"idea": "caf\xe9"}\n', b'[{"idea": "caf\xe9"}]'):
        [found] = problems(sheet_of(tmp_path, content), "leonardo")
        assert "is not UTF-8 text" in found
    with pytest.raises(InputError, match="is an old or encrypted workbook"):
        SheetReader(sheet_of(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1"))
