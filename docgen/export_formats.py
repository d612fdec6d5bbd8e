"""The table of the forms in which prompts leave, for the page about them."""

from __future__ import annotations

from callsheet.catalog.formats import built_in
from callsheet.exports.formats import EXPORTS
from docgen.markdown import table


def export_format_table() -> str:
    """Each form with its file and with the named formats of the texts that it takes."""
    lines = []
    for name, export in EXPORTS.items():
        formats = [f"`{each.name}`" for each in built_in().values() if name in each.taken_by]
        takes = ", ".join(formats) if export.choosy else "every prompt"
        lines.append([f"`{name}`", export.title, f"`RUN.{export.suffix}`", takes])
    return table(["`--format`", "for", "file in a folder", "takes texts of the format"], lines)
