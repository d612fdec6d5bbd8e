"""The tables of export formats, and of what the tools read as syntax."""

from __future__ import annotations

from callsheet.catalog.formats import built_in
from callsheet.exports.registry import EXPORTS
from callsheet.exports.syntax import TABLE
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


def syntax_table() -> str:
    """Return what each tool reads as syntax, what becomes of it, and the source."""
    return table(
        ["tool", "syntax", "read as", "export", "source"],
        [
            [
                each.tool,
                f"`{each.sign}`",
                each.reads,
                each.escape
                or ("as it is: it may be meant" if each.meant else "as it is, with a note"),
                f"{each.source}, {each.date}",
            ]
            for each in TABLE
        ],
    )
