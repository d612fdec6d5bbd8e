"""The size of an image in pixels: from the group's settings, or else from the aspect ratio."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.templates import pixels

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet

STEP, LEAST, MOST = 8, 16, 16_384
"""What ComfyUI's EmptyLatentImage takes (nodes.py, read 2026-11-23); A1111's sliders take less."""

SQUARE = (1024, 1024)

_SIZE = re.compile(r"\bsize (\d{2,5})\s?[x\u00d7]\s?(\d{2,5})\b")


def image_size(entry: ExportedPrompt, prompts: PromptSet) -> tuple[int, int]:
    """Width and height for a prompt; a square where neither settings nor brief give a size."""
    found_size = next((found for line in entry.settings if (found := _SIZE.search(line))), None)
    if found_size is None:
        ratio = prompts.brief.get("aspect_ratio") or prompts.chosen.get("aspect_ratio", "")
        found_size = _SIZE.search(f"size {_fit(str(ratio))}")
    if found_size is None:
        return SQUARE
    width, height = (
        min(max(int(side) // STEP * STEP, LEAST), MOST) for side in found_size.groups()
    )
    return width, height


def _fit(ratio: str) -> str:
    """One megapixel of this aspect ratio in steps of 64, as SDXL and SD 3.5 were trained."""
    try:
        return pixels(ratio, 1, 64)
    except (ValueError, ArithmeticError):
        return ""
