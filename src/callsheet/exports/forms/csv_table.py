"""The prompts as CSV: a row for each text; no cell is a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.exports.csv_cells import escape_cell
from callsheet.exports.export_format import ExportFormat

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import PromptSet

COLUMNS = ("category", "group", "model", "characters", "prompt", "set")


def write(prompts: PromptSet) -> str:
    """A row for each text; of a prompt with several fields the model is `MODEL.field`.

    Where an image was rendered from a prompt, a last column names the images' files.
    """
    import csv
    import io

    table = io.StringIO()
    lines = csv.writer(table)
    has_images = any(entry.image for entry in prompts.entries)
    lines.writerow([*COLUMNS, *(["image"] if has_images else [])])
    for entry in prompts.entries:
        for text in entry.texts:
            columns = (entry.category, entry.group, text.name, str(len(text.text)))
            cells = [*columns, text.text, "; ".join(entry.settings)]
            if has_images:
                cells.append(entry.image.file if entry.image else "")
            lines.writerow([escape_cell(cell) for cell in cells])
    return table.getvalue()


EXPORT = ExportFormat("csv", "CSV", "csv", "text/csv", write, names_images=True)
