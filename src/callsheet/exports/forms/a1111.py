r"""Lines for AUTOMATIC1111's script "Prompts from file or textbox", and for programs that have it too.

From `scripts/prompts_from_file.py` of AUTOMATIC1111/stable-diffusion-webui (read 2026-11-23): each
line is a job; one with `--` in it is split as a POSIX shell would split it, so inside double quotes
`\` stands before `\` and `"`; every `--name` is followed by one value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.exports.export_format import ExportFormat
from callsheet.exports.image_size import image_size
from callsheet.exports.texts import one_line

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet, PromptText


def write(prompts: PromptSet) -> str:
    """A line for each prompt: its text, its negative and its size.

    The negative stands there even where it is empty: else the one in the window would be taken.
    """
    return "".join(f"{_line(prompts, entry, text)}\n" for entry, text in EXPORT.accepted(prompts))


def _line(prompts: PromptSet, entry: ExportedPrompt, text: PromptText) -> str:
    width, height = image_size(entry, prompts)
    negative = EXPORT.written(text.negative) if text.negative else ""
    return (
        f"--prompt {_quoted(EXPORT.written(text))} --negative_prompt {_quoted(negative)}"
        f" --width {width} --height {height}"
    )


def _quoted(text: str) -> str:
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


EXPORT = ExportFormat(
    name="a1111",
    title="A1111",
    suffix="a1111.txt",
    media_type="text/plain",
    write=write,
    selective=True,
    shows_settings=False,
)
