"""Rules for the camera in a clip's text: it rests, or it moves one way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import INDENT, Rule, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.catalog.formats.format import Fault

CAMERA_CONFLICT_RULE = Rule(
    "rest and move",
    "The camera rests or moves, not both.",
    date="2026-11-23",
)
CAMERA_MOVES_RULE = Rule(
    "moves",
    "One camera move in a shot.",
    "OpenAI cookbook's Sora 2 guide and guides to Gen-4 say so of their models; for others practice",
    "2026-11-22",
    "C",
)

_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_DENIED = re.compile(r"(?i)\b(?:no|not|never|without)\b[^.;:]*+")
_CAMERA = r"(?:camera|frame|view|lens|shot)\s+(?:\w+ly\s+|then\s+)*"

_REST = re.compile(
    r"(?i)\b(?:static|locked(?:[- ]off)?|fixed|still|stationary|tripod)[- ]+(?:tripod |wide |close )?(?:camera|frame|shot|view|lens)\b"
    r"|\bcamera (?:perfectly |completely |absolutely )?(?:still|motionless|static|locked)\b"
    r"|\b(?:camera|frame|shot|view) (?:\w+ )?(?:stays|remains|holds|is|keeps|held) (?:\w+ly )?"
    r"(?:static|still|locked|fixed|at rest|motionless)\b|\bcamera rests\b"
)
_KINDS: Mapping[str, re.Pattern[str]] = {
    kind: re.compile(rf"(?i)\b(?:{words})")
    for kind, words in {
        "pan": rf"(?:whip )?pan(?:s|ning)?\s+(?:left|right|across|over|to|from|along)\b|{_CAMERA}pans\b",
        "tilt": rf"tilt(?:s|ing)?[- ](?:up|down)\b|{_CAMERA}tilts\b",
        "push": rf"(?:push(?:es|ing)?|doll(?:y|ies|ying)|zoom(?:s|ing)?|crash zoom)[- ]?(?:in|forward|toward\w*)\b"
        rf"|{_CAMERA}(?:pushes|dollies|zooms)\b(?! (?:out|back))",
        "pull": rf"(?:pull(?:s|ing)?|doll(?:y|ies|ying)|zoom(?:s|ing)?)[- ]?(?:out|back(?:wards?)?)\b|{_CAMERA}pulls\b",
        "orbit": rf"(?:orbit|arc)(?:s|ing)?\s+(?:around|shot|left|right)|{_CAMERA}(?:orbits|circles|arcs)\b",
        "track": rf"(?:tracking|trucking|follow|dolly|drone) shot\b|truck(?:s|ing)?\s+(?:left|right)|{_CAMERA}(?:tracks|follows|trucks|glides|moves|drifts)\b",
        "rise": rf"(?:crane|pedestal|boom)(?:s|ing)?[- ](?:up|down|shot)\b|{_CAMERA}(?:rises|cranes|descends|lifts)\b",
        "shake": r"(?:handheld|shaky) (?:camera|shot)|camera shakes?\b",
    }.items()
}  # fmt: skip


def camera_findings(text: str) -> Iterator[Fault]:
    """Findings for a camera that both rests and moves, and for more than one move in a shot."""
    for labelled in shots(text):
        # Hailuo's commands in brackets are carried out together, or one after the other.
        shot = _BRACKETS.sub("", labelled)
        told = _DENIED.sub("", shot)
        found = {kind: move[0] for kind, each in _KINDS.items() for move in each.finditer(told)}
        rest = _REST.search(labelled)
        if rest and found:
            moved = next(iter(found.values()))
            yield "rest and move", f"says {shown(rest[0])} and {shown(moved)}; keep one of them"
        # A camera held by hand moves as it likes: that is how it is held, and no second move.
        found.pop("shake", None)
        if not rest and len(found) > 1:
            first, second, *_ = found.values()
            yield (
                "moves",
                f"moves the camera twice ({shown(first)}, {shown(second)}); one is steadier",
            )


def shots(text: str) -> list[str]:
    """The text of each shot that has a label or a time; the whole text where there are none."""
    label = r"shot\s*\d+|\d+(?:\.\d+)?\s*[-\u2013]\s*\d"
    inline = r"(?<=[.!?] )(?=\[?shot\s*\d+\s*[(:\[])"
    parts = re.split(rf"(?im)^{INDENT}(?=\[?(?:{label}))|{inline}", text)
    return [part for part in parts if part.strip()]
