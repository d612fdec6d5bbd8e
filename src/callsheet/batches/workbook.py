"""Reads and writes `.xlsx` workbooks; no other file imports the libraries for them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAGIC = b"PK\x03\x04"
OLD_MAGIC = b"\xd0\xcf\x11\xe0"
"""How `.xls` files and encrypted workbooks begin."""

MAX_UNPACKED = 100_000_000
"""Bytes of a workbook's parts; a row of a usual sheet has a thousand."""

MAX_CELL = 32_767
MAX_ROWS = 1_048_576
_CUT = " […]"


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first visible sheet that are not empty, each with its row number.

    A formula is read as the value that was stored with it. Raises InputError.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    _check_unpacked(path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            visible = [
                sheet.name
                for sheet in workbook.sheets_metadata
                if sheet.visible is SheetVisibleEnum.Visible
            ]
            rows = workbook.get_sheet_by_name(visible[0]).iter_rows()
            for number, cells in enumerate(rows, start=1):
                texts = [_text(cell) for cell in cells]
                if any(texts):
                    yield number, texts
    except (CalamineError, IndexError) as error:
        raise _unreadable(path) from error


def _check_unpacked(path: Path) -> None:
    """Refuse what is no workbook, or would not fit into memory; the sizes it states may be false."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
            if size <= MAX_UNPACKED and packed.testzip() is None:
                return
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise _unreadable(path) from error
    if size <= MAX_UNPACKED:
        raise _unreadable(path)
    raise InputError(
        f"{path} has more than {MAX_UNPACKED // 1_000_000} MB unpacked",
        hint='save the sheet alone as "CSV UTF-8"',
    )


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path} cannot be read as a workbook",
        hint='save it again as .xlsx without a password, or as "CSV UTF-8"',
    )


def _text(cell: object) -> str:
    """A cell as a spreadsheet would save it as CSV, dates in the form 2026-11-28."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell)


class Workbook:
    """A workbook with one sheet that is written row by row; texts are never formulas."""

    def __init__(self) -> None:
        from xlsxwriter import Workbook as Written

        self._file = io.BytesIO()
        self._workbook = Written(self._file, {"constant_memory": True})
        self._sheet = self._workbook.add_worksheet("prompts")
        self._row = 0

    def add(self, cells: Sequence[str | float | None]) -> None:
        """Write a row. A text that is too long for a cell is cut, and ends with `[…]`."""
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                fits = len(cell.encode("utf-16-le", "replace")) // 2 <= MAX_CELL
                text = cell if fits else cell[: MAX_CELL // 2 - len(_CUT)] + _CUT
                self._sheet.write_string(self._row, column, text)
            elif cell is not None:
                self._sheet.write_number(self._row, column, cell)
        self._row += 1

    def close(self) -> bytes:
        """Return the file."""
        self._workbook.close()
        return self._file.getvalue()


def sheet_text(path: Path, size: int) -> bytes:
    """The beginning of a workbook's first sheet as XML; nothing where there is none."""
    try:
        with zipfile.ZipFile(path) as packed, packed.open("xl/worksheets/sheet1.xml") as sheet:
            return sheet.read(size)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return b""
