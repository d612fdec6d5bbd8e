"""The table of export formats."""

from __future__ import annotations

from callsheet.catalog.formats import built_in
from callsheet.exports.registry import EXPORTS
from docgen.markdown import table


def export_format_table() -> str:
    """Return each export format with its file name and the text formats that it accepts."""
    lines = []
    for name, export in EXPORTS.items():
        formats = [f"`{each.name}`" for each in built_in().values() if name in each.export_forms]
        takes = ", ".join(formats) if export.selective else "every prompt"
        lines.append([f"`{name}`", export.title, f"`RUN.{export.suffix}`", takes])
    return table(
        ["`--format`", "tool or format", "file in a folder", "accepts texts of format"], lines
    )
