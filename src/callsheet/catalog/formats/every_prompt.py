"""Rules for every prompt, part of each format: one prompt in English, with nothing around it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import contradictions
from callsheet.catalog.formats.format import Rule, shown
from callsheet.catalog.formats.protected_names import (
    ARTISTS,
    CHARACTERS,
    PEOPLE,
    STUDIOS,
    WORDS,
)
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
        "No studio, character, living artist or real person by name; the look is described. Only the"
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
    Rule(
        "url",
        "No web address: a model reads it as letters.",
        "the makers' API references, where images are inputs of their own",
        "2026-11-28",
        "B",
        of="form",
    ),
    Rule("hex", "A hex colour has three or six digits from 0 to 9 and A to F.", of="form"),
    *contradictions.RULES,
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
    rf"(?i)\{{\{{[^{{}}]*\}}\}}|\{{[^{{}}|]*\|[^{{}}]*\}}|\{{\s*\w+(?:[ _-]\w+){{0,2}}\s*\}}|[\[<]\s*(?:(?:your|the|main|insert|add|any)[ _])*(?:{_SLOTS}|\.\.\.|\u2026)"
    r"(?:[ _]here)?\s*[\]>]|[\[<]\s*(?:insert|your)\b[^\]>]{0,200}[\]>]"
    r"|(?-i:\[[A-Z]{3,}(?:[ _][A-Z]{2,}){0,3}\])"
)
_HEX = re.compile(r"(?<![\w&])#(?=[0-9A-Za-z]*\d)(?=[0-9A-Za-z]*[A-Fa-f])[0-9A-Za-z]{6,7}\b")
_VALID_HEX = re.compile(r"#[0-9A-Fa-f]{6}")
_URL = re.compile(r"(?i)\b(?:https?://|www\.)\S{1,200}")
_IMAGE_FLAG = re.compile(r"^\s*https?://|\s--(?:[cos]?ref|end|p|edit)\s")
_UNDONE = re.compile(r"\b(?:TODO|TBD|FIXME|XXX+|[Ll]orem [Ii]psum|lorem)\b")
_BORROWED = re.compile(
    r"\b(?i:in the style of|inspired by|style by|by artist|art by)\s+((?:[A-Z][\w.'-]+\s?)+)"
)


def _listed(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?i)(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")


_KINDS = (
    ("studio", _listed(STUDIOS)),
    ("studio", WORDS),
    ("character", _listed(CHARACTERS)),
    ("artist", _listed(ARTISTS)),
    ("person", _listed(PEOPLE)),
)


def faults(text: str) -> Iterator[Fault]:
    """Faults that no prompt may have, around or inside its text."""
    if is_wrapped(text):
        yield "wrapped", "stands in quotation marks or a code fence; the prompt alone is right"
    if found := _BEFORE.search(text):
        yield "chatter", f"begins with {shown(found[0])}; the prompt alone is right"
    if found := _AFTER.search(text):
        yield "chatter", f"talks to the reader ({shown(found[0])}); the prompt alone is right"
    yield from _unreadable(text)
    yield from contradictions.contradictions(text)
    yield from _names(text)
    yield from screened(text)


def _unreadable(text: str) -> Iterator[Fault]:
    """What stands for something else: a gap to fill in, an address, a colour that is none."""
    for pattern in (_PLACEHOLDER, _UNDONE):
        for left in pattern.finditer(text):
            yield "placeholder", f"has {shown(left[0])} left to fill in; write what is meant"
    for found in _HEX.finditer(text):
        if not _VALID_HEX.fullmatch(found[0]):
            yield "hex", f"has {shown(found[0])}, which is no colour; #RRGGBB is right"
    if (address := _URL.search(text)) and not _IMAGE_FLAG.search(text):
        yield "url", f"has the address {shown(address[0])}; say what is seen there"


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
