r"""Lines for AUTOMATIC1111's script "Prompts from file or textbox", and for programs that have it too.

From `scripts/prompts_from_file.py` of AUTOMATIC1111/stable-diffusion-webui (read 2026-11-23): each
line is a job; one with `--` in it is split as a POSIX shell would split it, so inside double quotes
`\` stands before `\` and `"`; every `--name` is followed by one value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.exports.image_size import image_size
from callsheet.exports.texts import one_line

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet, PromptText

NAME = "a1111"


def write(sheet: PromptSet) -> str:
    """A line for each prompt: its text, its negative and its size.

    The negative stands there even where it is empty: else the one in the window would be taken.
    """
    return "".join(f"{_line(sheet, entry, text)}\n" for entry, text in sheet.ready_for(NAME))


def _line(sheet: PromptSet, entry: ExportedPrompt, text: PromptText) -> str:
    width, height = image_size(entry, sheet)
    negative = text.negative.text if text.negative else ""
    return (
        f"--prompt {_quoted(text.text)} --negative_prompt {_quoted(negative)}"
        f" --width {width} --height {height}"
    )


def _quoted(text: str) -> str:
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
