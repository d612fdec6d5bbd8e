"""Reads the rows of a SQLite file page by page, without the database: also from a damaged file.

Every table of the store is a B-tree of the kind that SQLite also uses for an index: each of its
pages holds complete rows, so that a page can be read whatever became of the others. A file that the
earliest versions made has ordinary tables, whose rows are in their leaf pages.
See https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = int | float | str | bytes | None

INTERIOR, LEAF, TABLE_LEAF = 2, 10, 13
"""The kinds of pages that hold rows."""

PAGE_SIZES = tuple(2**power for power in range(9, 17))
INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)


def read_rows(data: bytes) -> Iterator[tuple[Value, ...]]:
    """The rows of all pages that can be read, in no order; rows of a damaged page are left out."""
    size, reserved = int.from_bytes(data[16:18], "big"), data[20] if len(data) > 20 else 0  # noqa: PLR2004
    size = 65_536 if size == 1 else size
    if size not in PAGE_SIZES:
        size, reserved = 4096, 0
    file = _Pages(data, size, size - reserved)
    for number in range(1, len(data) // size + 1):
        for pointer in file.cells(number):
            try:
                yield file.row(number, pointer)
            except (IndexError, ValueError, struct.error):
                continue


class _Pages:
    def __init__(self, data: bytes, size: int, usable: int) -> None:
        self._data, self._size, self._usable = data, size, usable

    def cells(self, number: int) -> list[int]:
        """Where the rows of a page begin; none on a page of another kind."""
        page, start = self._page(number), 100 if number == 1 else 0
        if page[start] not in (INTERIOR, LEAF, TABLE_LEAF):
            return []
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        first = start + (12 if page[start] == INTERIOR else 8)
        return [
            int.from_bytes(page[at : at + 2], "big")
            for at in range(first, min(first + 2 * count, self._usable), 2)
        ]

    def row(self, number: int, pointer: int) -> tuple[Value, ...]:
        """The row at a place of a page; raises ValueError or IndexError where it is damaged."""
        page = self._page(number)
        kind = page[100 if number == 1 else 0]
        length, at = _varint(page, pointer + (4 if kind == INTERIOR else 0))
        if kind == TABLE_LEAF:
            _, at = _varint(page, at)  # the number of the row
            most = self._usable - 35
        else:
            most = (self._usable - 12) * 64 // 255 - 23
        return tuple(_values(self._payload(page, at, length, most)))

    def _payload(self, page: bytes, at: int, length: int, most: int) -> bytes:
        """The bytes of a row, which continues on further pages where it has more than `most`."""
        if length <= most:
            return page[at : at + length]
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._usable - 4)
        local = local if local <= most else least
        parts, left = [page[at : at + local]], length - local
        number = int.from_bytes(page[at + local : at + local + 4], "big")
        while left > 0:
            if not number or number * self._size > len(self._data):
                raise ValueError("a part of the row is missing")
            page = self._page(number)
            parts.append(page[4 : min(4 + left, self._usable)])
            left -= len(parts[-1])
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)

    def _page(self, number: int) -> bytes:
        return self._data[(number - 1) * self._size : number * self._size]


def _values(payload: bytes) -> Iterator[Value]:
    end, at = _varint(payload, 0)
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        value, length = _value(payload, body, kind)
        if body + length > len(payload):
            raise ValueError("the row is cut short")
        body += length
        yield value


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    """The value of a serial type, and how many bytes it takes."""
    if kind == 7:  # noqa: PLR2004  # here and below, numbers of the file format
        return struct.unpack(">d", payload[at : at + 8])[0], 8
    if kind in (8, 9):
        return kind - 8, 0
    if kind in (10, 11):
        raise ValueError("a reserved type")
    if kind > 11:  # noqa: PLR2004
        length = (kind - 12) // 2
        content = payload[at : at + length]
        return (content.decode() if kind % 2 else content), length
    if kind == 0:
        return None, 0
    length = INTEGER_BYTES[kind]
    return int.from_bytes(payload[at : at + length], "big", signed=True), length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9
