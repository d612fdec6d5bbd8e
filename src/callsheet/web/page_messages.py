"""What the page says, in the language that a browser asks for: one file of texts for each language.

English is complete and the reference. A text that another language lacks is supplied in English.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(str(files("callsheet"))) / "web" / "page" / "messages"

REFERENCE = "en"
COOKIE = "callsheet.language"
"""Where the page keeps the language that a person chose; else the browser's languages decide."""

Messages = dict[str, Any]

_PLACE = "/* filled in by the server */ null"
_TEXT = re.compile(r'<[^<>]*\bdata-t="([\w.]+)"[^<>]*>')
_ATTRIBUTE = re.compile(r'\bdata-t-([a-z-]+)="([\w.]+)"')
_LANGUAGE = f'<html lang="{REFERENCE}">'


@cache
def languages() -> dict[str, str]:
    """Return the tag of every language with its own name for itself, English first."""
    tags = sorted((path.stem for path in FOLDER.glob("*.json")), key=lambda tag: tag != REFERENCE)
    return {tag: str(messages(tag)["language.name"]) for tag in tags}


@cache
def messages(tag: str) -> Messages:
    """Return all texts of a language by key."""
    return _read(REFERENCE) | _read(tag)


def _read(tag: str) -> Messages:
    found: Messages = json.loads((FOLDER / f"{tag}.json").read_text("utf-8"))
    return found


def preferred_language(request: Request) -> str:
    """Return the language that was chosen on the page, else the first one that the browser lists."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in languages():
        return chosen
    by_primary = {tag.partition("-")[0]: tag for tag in languages()}
    accepted = _accepted(request.headers.get("accept-language", ""))
    return next((by_primary[each] for each in accepted if each in by_primary), REFERENCE)


def _accepted(header: str) -> list[str]:
    """Return the primary subtags of an Accept-Language header, the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if quality > 0:
            weighted.append((-quality, tag.strip().partition("-")[0].lower()))
    return [tag for _, tag in sorted(weighted, key=lambda each: each[0])]


def fill_module(text: str, tag: str) -> str:
    """Put a language's texts into the module that holds them."""
    served = {"language": tag, "languages": languages(), "messages": messages(tag)}
    return text.replace(_PLACE, json.dumps(served, ensure_ascii=False, separators=(",", ":")))


def fill_document(text: str, tag: str) -> str:
    """Put a language's texts into the document, where `data-t` and `data-t-ATTRIBUTE` name them."""
    texts = messages(tag)

    def say(key: str) -> str:
        return html.escape(texts[key])

    text = _ATTRIBUTE.sub(lambda found: f'{found[0]} {found[1]}="{say(found[2])}"', text)
    text = _TEXT.sub(lambda found: found[0] + say(found[1]), text)
    direction = texts["language.direction"]
    return text.replace(_LANGUAGE, f'<html lang="{tag}" dir="{direction}">', 1)
