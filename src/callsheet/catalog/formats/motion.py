"""Rules for motion in plain words, for clips with a static camera."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import start_image
from callsheet.catalog.formats.format import Format, Rule, shown
from callsheet.catalog.formats.plain_text import PLAIN, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

CAMERA = Rule(
    "camera",
    "The camera rests: no zoom, pan, dolly, tilt, orbit or tracking shot.",
    "HunyuanVideo-1.5 handbook and Wan2.2 system_prompt.py; for loops our own rule",
    "2026-11-22",
    "A",
)
STORY = Rule(
    "story",
    "Nothing that begins and ends: no walking, entering, picking up.",
    "guides for looping clips",
    "2026-11-22",
    "C",
)

_MOVE = re.compile(
    r"(?i)(?<!no )(?<!without )(?<!never )\b(?:camera\s+(?:\w+ly\s+)?(?:pans?|zooms?|tilts?|dollies|moves?"
    r"|orbits?|pushes|pulls|tracks?|follows?|glides?|drifts?|circles?|rises)\b"
    r"|(?:zoom(?:s|ing)?|doll(?:y|ies|ying)|push(?:es|ing)?)[ -](?:in|out)\b"
    r"|pan(?:s|ning)?\s+(?:left|right|up|down|across|over|to)\b"
    r"|(?:tracking|dolly|crane|orbit(?:ing)?|panning|drone) shot\b|parallax\b)"
)
_STORY = re.compile(
    r"(?i)\b(?:walks?|walking|enters?|arrives?|picks? up|stands? up|sits? down|turns? (?:the|a) page)\b"
)


def camera(text: str) -> Iterator[Fault]:
    """Camera moves and stories, which cannot loop."""
    for found in _MOVE.finditer(text):
        yield "camera", f"moves the camera ({shown(found[0])}); say `static camera` and no more"
    for found in _STORY.finditer(text):
        yield "story", f"tells of {shown(found[0])}, which cannot end where it began"


def _motion(text: str) -> Iterator[Fault]:
    yield from plain(text)
    yield from camera(text)


FORMATS = (
    Format(
        "motion-text",
        "What moves, in one paragraph.",
        (*PLAIN, CAMERA, *start_image.RULES, STORY),
        _motion,
        start_image.compare_with_still,
    ),
)
