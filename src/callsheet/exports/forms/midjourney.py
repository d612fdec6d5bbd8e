"""Lines for Midjourney's `/imagine`: one for each still, its parameters behind its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.exports.export_format import ExportFormat
from callsheet.exports.texts import one_line

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import PromptSet


def write(prompts: PromptSet) -> str:
    """A line for each prompt, as it is pasted behind `/imagine` or into the imagine bar."""
    return "".join(f"{one_line(text.text)}\n" for _, text in EXPORT.accepted(prompts))


EXPORT = ExportFormat(
    name="midjourney",
    title="Midjourney",
    suffix="midjourney.txt",
    media_type="text/plain",
    write=write,
    selective=True,
    shows_settings=False,
)
