"""Cells of a CSV that a spreadsheet shows as text: a possible formula gets an apostrophe.

A spreadsheet computes whatever begins with one of a few characters, and a text that an LLM wrote
may begin with one. Such a cell is written with an apostrophe before it; one that begins with
apostrophes and such a character gets one more. Taking one away gives every text back as it was.
"""

from __future__ import annotations

import re

_RISKY = "'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"

_WRITTEN = re.compile(_RISKY)

_READ = re.compile("'(?=" + _RISKY + ")")

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)


def escape_cell(text: str) -> str:
    """The text as a cell that no spreadsheet evaluates."""
    if _WRITTEN.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def unescape_cell(cell: str) -> str:
    """The text that `escape_cell` was given."""
    return cell[1:] if _READ.match(cell) else cell
