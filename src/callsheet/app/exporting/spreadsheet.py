"""A table for a spreadsheet: a row for each text, and nothing in it is a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.cells import safe_cell

if TYPE_CHECKING:
    from callsheet.app.exporting.sheet import Sheet

COLUMNS = ("category", "group", "model", "characters", "prompt", "set")


def write(sheet: Sheet) -> str:
    """A row for each text; of a prompt with several fields the model is `MODEL.field`."""
    import csv
    import io

    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(COLUMNS)
    for entry in sheet.entries:
        for text in entry.texts:
            told = (entry.category, entry.group, text.name, str(len(text.text)))
            cells = (*told, text.text, "; ".join(entry.settings))
            lines.writerow([safe_cell(cell) for cell in cells])
    return table.getvalue()
