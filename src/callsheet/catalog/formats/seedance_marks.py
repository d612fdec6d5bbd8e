"""Rules for Seedance 2.5: marks for speech, sounds, music and lettering, and windows of seconds.

What holds for every clip is checked in the same text without the marks, with speech and lettering in
quotation marks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import start_image
from callsheet.catalog.formats.format import Format, Rule, judged, shown
from callsheet.catalog.formats.plain_text import TAG
from callsheet.catalog.formats.video_text import (
    CLIP,
    FIELD,
    LONG_SPEECH,
    SPEECH,
    judge_of,
    long_speech,
    spoken,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault, Others

MARKS = (("{", "}"), ("<", ">"), ("\u3010", "\u3011"), ("(", ")"))
LONGEST_CLIP = 30

_GUIDE = "smixs/visual-skills at 3c55471, seedance-25.md, from the maker's guide of 2026-07-31"
_READ = "2026-11-28"

RULES = (
    Rule("marks", "Each mark that opens is closed: `{ }` speech, `< >` sounds, `( )` music, `\u3010 \u3011` words on the screen.", _GUIDE, _READ, "B"),
    Rule("windows", f"Windows such as `[0-4s]` follow one another and end within {LONGEST_CLIP} seconds.", _GUIDE, _READ, "B", warns=True),
    Rule("quoted speech", "Spoken words stand in `{ }`.", _GUIDE, _READ, "B", of="form"),
    SPEECH,
    LONG_SPEECH,
)  # fmt: skip

_WINDOW = re.compile(
    r"\[(\d{1,3})(?::(\d\d))?\s?[-\u2013]\s?(\d{1,3})(?::(\d\d))?\s?(?:s|sec|seconds)?\]"
)
_QUOTED = re.compile(
    r"(?i)\b(?:says|whispers|murmurs|mutters|shouts|asks|replies|answers)\b[^.{\n\"\u201c]{0,60}[:,]\s?[\"\u201c]"
)
# Small words alone in braces, `{main subject}`, are a gap to fill in.
_SPEECH = re.compile(r"\{(?![a-z_ ]{1,40}\})([^{}]*+)\}|\u3010([^\u3010\u3011]*+)\u3011")
_SOUND = re.compile(r"<([^<>:]*+)>")


def without_marks(text: str) -> str:
    """The text as other models read it: speech and lettering in quotation marks, sounds in words."""
    quoted = _SPEECH.sub(lambda found: f'"{found[1] or found[2] or ""}"', text)
    return _WINDOW.sub(r"\n\1-\3s:", _SOUND.sub(r"\1", quoted)).strip()


def _marks(text: str) -> Iterator[Fault]:
    for opened, closed in MARKS:
        if text.count(opened) != text.count(closed):
            yield (
                "marks",
                f"has {text.count(opened)} `{opened}` and {text.count(closed)} `{closed}`",
            )
    for found in _QUOTED.finditer(text):
        yield "quoted speech", f"has {shown(found[0])}; spoken words stand in `{{ }}`"


def _windows(text: str) -> Iterator[Fault]:
    last = 0
    for found in _WINDOW.finditer(text):
        begin, end = _seconds(found[1], found[2]), _seconds(found[3], found[4])
        if begin < last or end <= begin:
            yield "windows", f"has {shown(found[0])}, which does not follow the window before"
        if end > LONGEST_CLIP:
            yield "windows", f"has {shown(found[0])}; a clip has at most {LONGEST_CLIP} seconds"
        last = max(last, end)


def _seconds(first: str, second: str | None) -> int:
    return int(first) * 60 + int(second) if second else int(first)


_COMMON = judge_of(spoken, long_speech(LONGEST_CLIP))


def _judge(text: str) -> Iterator[Fault]:
    yield from _marks(text)
    yield from _windows(text)
    yield from judged(_COMMON, without_marks(text))


def _compare(text: str, others: Others) -> Iterator[Fault]:
    yield from start_image.compare_with_still(without_marks(text), others)


FORMATS = (
    Format(
        "seedance-2.5-clip",
        "A clip for Seedance 2.5 in windows of seconds, with its marks.",
        # What is barred stands in the text, under any heading.
        (*(rule for rule in CLIP if rule not in (TAG, FIELD)), *RULES),
        _judge,
        _compare,
    ),
)
