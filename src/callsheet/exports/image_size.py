"""The size of a picture in pixels: what the pack says is to be set, else what fits the aspect ratio."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.templates import pixels

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet

STEP, LEAST, MOST = 8, 16, 16_384
"""What ComfyUI's EmptyLatentImage takes (nodes.py, read 2026-11-23); A1111's sliders take less."""

SQUARE = (1024, 1024)

_TOLD = re.compile(r"\bsize (\d{2,5})\s?[x\u00d7]\s?(\d{2,5})\b")


def image_size(entry: ExportedPrompt, sheet: PromptSet) -> tuple[int, int]:
    """Width and height for a prompt; a square where neither pack nor brief says anything."""
    told = next((found for line in entry.settings if (found := _TOLD.search(line))), None)
    if told is None:
        told = _TOLD.search(f"size {_fit(str(sheet.brief.get('aspect_ratio') or ''))}")
    if told is None:
        return SQUARE
    width, height = (min(max(int(side) // STEP * STEP, LEAST), MOST) for side in told.groups())
    return width, height


def _fit(ratio: str) -> str:
    """One megapixel of this aspect ratio in steps of 64, which SDXL and SD 3.5 were taught."""
    try:
        return pixels(ratio, 1, 64)
    except (ValueError, ArithmeticError):
        return ""
