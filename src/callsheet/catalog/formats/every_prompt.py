"""Rules for every prompt, part of each format: one prompt in English, with nothing around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Rule, shown
from callsheet.catalog.formats.protected_names import ARTISTS, PEOPLE, STUDIOS
from callsheet.catalog.formats.safety import SAFETY, screened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

RULES = (
    Rule("wrapped", "No quotation marks and no code fence around the prompt.", of="limit"),
    Rule(
        "chatter",
        "Nothing before or after the prompt: no `Here is …:`, no `Prompt:`, no offer.",
        of="limit",
    ),
    Rule(
        "placeholder",
        "Nothing left to fill in: no `[subject]`, `{idea}`, `<place>`, TODO.",
        of="limit",
    ),
    Rule(
        "name",
        "No studio, living artist or real person by name; the look is described instead. Only the"
        " best-known names are found.",
        "reports quoting OpenAI's statement; black-forest-labs/flux2 system_messages.py",
        "2025-03",
        "B",
    ),
    Rule(
        "style of",
        "No look borrowed from somebody by name.",
        "reports quoting OpenAI's statement; only a person can say who is meant",
        "2025-03",
        "B",
        warns=True,
    ),
    SAFETY,
)

PAIRS = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}

_BEFORE = re.compile(
    r"(?i)^\s*(?:(?:sure|certainly|of course|absolutely|okay|ok)\s*[,!.:]|here(?:'s|\u2019s| is| are)"
    r"\b[^.\n]{0,60}:|(?:[\w.]+ ){0,3}prompt(?: [a-z0-9])?\s*:)"
)
_AFTER = re.compile(
    r"(?i)\b(?:let me know (?:if|what|whether)|feel free to|(?:i )?hope this helps)\b"
)
_SLOTS = (
    "subject|idea|scene|style|mood|place|setting|colou?r|name|character|artist|object|lighting|light"
    "|aesthetic|aspect[ _]?ratio|background|palette|details?|description|text|image[ _]?prompt"
)
_PLACEHOLDER = re.compile(
    rf"(?i)\{{\{{[^{{}}]*\}}\}}|\{{\s*\w+(?:[ _-]\w+){{0,2}}\s*\}}|[\[<]\s*(?:(?:your|the|main|insert|add|any)[ _])*(?:{_SLOTS}|\.\.\.|\u2026)"
    r"(?:[ _]here)?\s*[\]>]|[\[<]\s*(?:insert|your)\b[^\]>]{0,200}[\]>]"
)
_UNDONE = re.compile(r"\b(?:TODO|TBD|FIXME|XXX+|[Ll]orem [Ii]psum|lorem)\b")
_BORROWED = re.compile(
    r"\b(?i:in the style of|inspired by|style by|by artist|art by)\s+((?:[A-Z][\w.'-]+\s?)+)"
)


def _listed(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?i)(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")


_KINDS = (("studio", _listed(STUDIOS)), ("artist", _listed(ARTISTS)), ("person", _listed(PEOPLE)))


def faults(text: str) -> Iterator[Fault]:
    """Faults that no prompt may have, around or inside its text."""
    if is_wrapped(text):
        yield "wrapped", "stands in quotation marks or a code fence; the prompt alone is right"
    if found := _BEFORE.search(text):
        yield "chatter", f"begins with {shown(found[0])}; the prompt alone is right"
    if found := _AFTER.search(text):
        yield "chatter", f"talks to the reader ({shown(found[0])}); the prompt alone is right"
    for pattern in (_PLACEHOLDER, _UNDONE):
        for left in pattern.finditer(text):
            yield "placeholder", f"has {shown(left[0])} left to fill in; write what is meant"
    yield from _names(text)
    yield from screened(text)


def _names(text: str) -> Iterator[Fault]:
    known = False
    for kind, pattern in _KINDS:
        for found in pattern.finditer(text):
            known = True
            yield "name", f"names the {kind} {found[0]}; describe line, light and colour instead"
    if not known and (borrowed := _BORROWED.search(text)):
        name = borrowed[1].strip()
        yield "style of", f"borrows from {name}; describe the look if that is a living artist"


def is_wrapped(text: str) -> bool:
    """Whether the whole text is in quotation marks or a code fence, with none of them inside."""
    bare = text.strip()
    if bare.startswith("```"):
        return True
    close, inner = PAIRS.get(bare[:1], ""), bare[1:-1]
    marked = bool(inner) and bool(close) and bare.endswith(close)
    return marked and bare[0] not in inner and close not in inner
