"""Rules for motion in plain words: calm by default, and as the idea says where it names an act or a move."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import start_image
from callsheet.catalog.formats.format import NONE, Format, Rule, shown
from callsheet.catalog.formats.plain_text import PLAIN, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault, Others

IDEA = "idea"

CAMERA = Rule(
    "camera",
    "The camera rests, unless the idea names a move.",
    "HunyuanVideo-1.5 handbook and Wan2.2 system_prompt.py; for loops our own rule",
    "2026-11-28",
    warns=True,
)
STORY = Rule(
    "story",
    "Nothing that begins and ends (walking, entering, picking up), unless the idea says so.",
    "guides for looping clips",
    "2026-11-28",
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
    r"(?i)\b(?:walk(?=s|ing\b)|enter(?=s?\b)|arriv(?=es?\b)|pick(?=s? up\b)|stand(?=s? up\b)|sit(?=s? down\b)"
    r"|turn(?=s? (?:the|a) page\b))\w*"
)
_NAMES_A_MOVE = re.compile(
    r"(?i)\b(?:camera|zoom\w*|doll(?:y|ies)|pan(?:s|ned|ning)?|tilt\w*|orbit\w*|crane|drone|handheld|flythrough"
    r"|push(?:es|ing)?[ -]in|pull(?:s|ing)?[ -](?:back|out)|track(?:s|ing)|(?:one|single|continuous) (?:take|shot))\b"
)


def calm(text: str, others: Others = NONE) -> Iterator[Fault]:
    """Camera moves and stories, which cannot loop, where the idea does not ask for them."""
    idea = str(others.get(IDEA) or "")
    if not _NAMES_A_MOVE.search(idea):
        for found in _MOVE.finditer(text):
            yield "camera", f"moves the camera ({shown(found[0])}), which the idea does not name"
    for found in _STORY.finditer(text):
        if re.search(rf"(?i)\b{found[0][:4]}", idea) is None:
            yield "story", f"tells of {shown(found[0])}, which cannot end where it began"


def _compare(text: str, others: Others) -> Iterator[Fault]:
    yield from calm(text, others)
    yield from start_image.compare_with_still(text, others)


FORMATS = (
    Format(
        "motion-text",
        "What moves, in one paragraph.",
        (*PLAIN, CAMERA, *start_image.RULES, STORY),
        plain,
        _compare,
    ),
)
