"""Reads a sheet of ideas row by row: CSV, a workbook, JSON Lines or a JSON array.

Rows have the numbers that a spreadsheet shows: the header of a CSV is row 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from callsheet.batches.workbook import MAGIC, OLD_MAGIC, read_rows
from callsheet.errors import InputError
from callsheet.exports.csv_cells import unescape_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic import JsonValue

MAX_LINE_LENGTH = 100_000
"""Characters; an idea has a tenth of that at most."""

MAX_COLUMNS = 1_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_DELIMITERS = ",;\t"

_NAMED_DELIMITER = re.compile(r'"?sep=([^"\s]|\t)"?\r?[\r\n]', re.IGNORECASE)
"""The first line by which Excel names the delimiter; no spreadsheet shows it."""

_ARRAY = re.compile(r'\s*\[\s*[\[{"\]]')


@dataclass(frozen=True)
class SheetRow:
    """One row as read: its cells by column, or what is wrong with it.

    `header` is the row that names the columns: 1 in a CSV, the row itself in JSON, whose values are
    `typed`: an empty text is a value there, and not a cell without one.
    """

    number: int
    cells: dict[str, JsonValue]
    problem: str = ""
    header: int = 1
    typed: bool = False


class SheetReader:
    """A file of rows that can be read several times; `has_bom`: it starts with a byte order mark.

    Raises InputError where it cannot be opened or has no usable header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        beginning = self._beginning()
        if beginning.startswith(OLD_MAGIC):
            raise InputError(
                f"{path} is an old or encrypted workbook",
                hint='save it as .xlsx without a password, or as "CSV UTF-8"',
            )
        self._is_workbook = beginning.startswith(MAGIC)
        self._encoding = encoding_of(beginning)
        self.has_bom = beginning.startswith(tuple(bom for bom, _ in _BOMS))
        start = beginning.decode(self._encoding, "ignore")
        self._is_array = _ARRAY.match(start) is not None
        self._json = path.suffix.lower() in (".jsonl", ".ndjson") or start.lstrip()[:1] == "{"
        self._named_delimiter = _NAMED_DELIMITER.match(start)
        self._delimiter = self._named_delimiter[1] if self._named_delimiter else _delimiter(start)

    def lines(self) -> Iterator[SheetRow]:
        """Yield every row that is not empty, in order."""
        if self._is_workbook:
            yield from _workbook_lines(self.path)
            return
        with self._open() as file:
            if self._is_array:
                yield from _array_items(self.path, file)
            else:
                yield from _json_lines(file) if self._json else self._csv_lines(file)

    def _beginning(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_LINE_LENGTH)
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read: {error.strerror}", hint="check the file's name"
            ) from error

    def _open(self) -> TextIO:
        # Bytes that are not UTF-8 become surrogates, so that a message can name their row.
        errors = "surrogateescape" if self._encoding.startswith("utf-8") else "surrogatepass"
        return self.path.open(encoding=self._encoding, errors=errors, newline="")

    def _csv_lines(self, file: TextIO) -> Iterator[SheetRow]:
        if self._named_delimiter:
            file.readline()
        lines = _BoundedLines(file)
        reader = csv.reader(lines, delimiter=self._delimiter)
        header = _header([unescape_cell(cell) for cell in next(reader, [])])
        number = 1
        while True:
            lines.cut = False
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnicodeError):
                # From here on the ends of rows are unknown.
                yield SheetRow(
                    number, {}, "cannot be read: a quote may be open, or bytes are missing"
                )
                return
            if lines.cut:
                yield SheetRow(
                    number, {}, f"has a line of more than {MAX_LINE_LENGTH:,} characters"
                )
            elif any(cells):
                yield _row(number, header, [unescape_cell(cell) for cell in cells])


def _workbook_lines(path: Path) -> Iterator[SheetRow]:
    rows = read_rows(path)
    first, names = next(rows, (1, []))
    header = _header(names, first)
    for number, cells in rows:
        yield _row(number, header, cells, first)


class _BoundedLines:
    """A file's lines, cut where they are too long; `cut` is whether one was."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.cut = False

    def __iter__(self) -> _BoundedLines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE_LENGTH)
        if not line:
            raise StopIteration
        last, quotes = line, 0
        while len(last) == MAX_LINE_LENGTH and last[-1] not in "\r\n":
            self.cut = True
            last = self._file.readline(MAX_LINE_LENGTH)
            quotes += last.count('"')
        # A quote that is closed after the cut is closed here, or it would swallow the next rows.
        closed = line + '"' * (quotes % 2) + "\n"
        return closed if self.cut else line


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text by its first bytes; without a sign of another it is UTF-8."""
    for bom, name in _BOMS:
        if start.startswith(bom):
            return name
    if start[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if start[:1] == b"\0" and len(start) > 1 else "utf-8"


def _delimiter(start: str) -> str:
    """Return the delimiter that gives a column `idea`, else the one that gives most columns."""

    def score(delimiter: str) -> tuple[bool, int]:
        try:
            names = next(csv.reader(io.StringIO(start), delimiter=delimiter), [])
        except csv.Error:
            return False, 0
        return any(column_key(name) == "idea" for name in names), len(names)

    return max(_DELIMITERS, key=score)


def column_key(column: str) -> str:
    """Return a column's name in the form of a field: `Aspect Ratio` is `aspect_ratio`."""
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _same_column(names: Iterable[str]) -> str:
    """Return what to say where two names are one column, such as `Idea` and `idea`."""
    seen: dict[str, str] = {}
    for name in names:
        key = column_key(name)
        if key in seen:
            return f"names one column twice, as {seen[key]!r:.80} and {name!r:.80}"
        seen[key] = name
    return ""


def _header(cells: list[str], number: int = 1) -> list[str]:
    names = [cell.strip() for cell in cells]
    named = [name for name in names if name]
    if not named:
        raise InputError("the file has no header", hint="its first row names the columns: idea, …")
    for name in named:
        if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):  # noqa: PLR2004  # surrogates
            raise InputError(f"row {number} is not UTF-8 text", hint='save it as "CSV UTF-8"')
        if "\0" in name:
            raise InputError(
                f"row {number} holds NUL characters", hint="save the sheet as CSV again"
            )
    if problem := _same_column(named):
        raise InputError(f"row {number} {problem}", hint="rename or remove one of them")
    return names


def _row(number: int, header: list[str], cells: list[str], first: int = 1) -> SheetRow:
    """Return the cells by column; empty cells at the end may be missing or surplus."""
    if any(cells[len(header) :]):
        hint = "put a cell that holds the delimiter in double quotes"
        return SheetRow(number, {}, f"has {len(cells)} cells, the header {len(header)} ({hint})")
    padded = cells + [""] * (len(header) - len(cells))
    pairs = list(zip(header, padded, strict=False))
    if any(cell.strip() for name, cell in pairs if not name):
        return SheetRow(number, {}, "has a value in a column without a name")
    named: dict[str, JsonValue] = {name: cell for name, cell in pairs if name}
    return SheetRow(number, named, _invalid_text(named), header=first)


def _json_lines(file: TextIO) -> Iterator[SheetRow]:
    lines = _BoundedLines(file)
    number = 0
    while True:
        lines.cut = False
        number += 1
        try:
            text = next(lines)
        except StopIteration:
            return
        except UnicodeError:
            yield SheetRow(number, {}, "is not text")
            return
        if lines.cut:
            yield SheetRow(number, {}, f"has more than {MAX_LINE_LENGTH:,} characters")
        elif text.strip():
            yield _object(number, text)


def _array_items(path: Path, file: TextIO) -> Iterator[SheetRow]:
    """Yield each item of a JSON array as a row; a text alone is an idea."""
    try:
        items = _parse_json(file.read())
    except (RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"
        raise InputError(f"{path} is {reason}", hint='such as [{"idea": "…"}, …]') from error
    for number, item in enumerate(items, start=1):
        yield _object_row(number, {"idea": item} if isinstance(item, str) else item)


def _object(number: int, text: str) -> SheetRow:
    try:
        value = _parse_json(text)
    except RecursionError:
        return SheetRow(number, {}, "is nested too deeply")
    except ValueError as error:
        return SheetRow(number, {}, f"is not JSON: {str(error)[:80]}")
    return _object_row(number, value)


def _object_row(number: int, value: JsonValue) -> SheetRow:
    if not isinstance(value, dict):
        return SheetRow(number, {}, 'is not a JSON object such as {"idea": "…"}')
    if len(value) > MAX_COLUMNS:
        return SheetRow(number, {}, f"has more than {MAX_COLUMNS:,} keys")
    problem = _same_column(value) or _invalid_text(value)
    return SheetRow(number, value, problem, header=number, typed=True)


def _parse_json(text: str) -> Any:
    return json.loads(text, parse_constant=_reject_constant, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _invalid_text(cells: dict[str, JsonValue]) -> str:
    """Return what is wrong with a text of the row, in any column; an empty text if nothing is."""
    for name, value in cells.items():
        plain = isinstance(value, str)
        text = f"{name}{value if plain else json.dumps(value, ensure_ascii=False)}"
        if re.search("[\udc80-\udcff]", text):
            return 'is not UTF-8 text (save the file as "CSV UTF-8")'
        if re.search("[\ud800-\udfff]", text):
            return f"has half of a surrogate pair in {name!r:.80}"
        if "\0" in text or (not plain and "\\u0000" in text):
            return f"has a NUL character in {name!r:.80}"
    return ""
