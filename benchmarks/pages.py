"""Pages of figures: says whether promises are kept, prints a page and saves it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOT_MET = "**not met**"


def met(kept: bool) -> str:  # noqa: FBT001
    """Say in a page whether a promise is kept."""
    return "met" if kept else NOT_MET


def publish(page: str, save: Path | None) -> int:
    """Print a page and save it where that is wanted; returns 1 where a promise is not kept."""
    sys.stdout.write(page)
    if save:
        save.write_text(page, "utf-8")
    return int(NOT_MET in page)
