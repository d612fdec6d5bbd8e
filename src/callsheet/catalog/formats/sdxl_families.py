"""Rules for tags for the families of SDXL anime checkpoints, which use different quality tags.

Illustrious and NoobAI: quality tags first (their card, A). Pony V6 XL: score tags first, then source and rating (civitai.com/models/257749 as a mirror quotes
it, B). Animagine XL 4.0: quality tags at the end (its card, seen in an excerpt: ?). Both 2026-11-22.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Format, Rule, shown
from callsheet.catalog.formats.plain_text import NEGATION, negations
from callsheet.catalog.formats.safety import for_absence, of_absence
from callsheet.catalog.formats.stable_diffusion import (
    DANBOORU,
    DANBOORU_NEGATIVE,
    EXPORT_FORMS,
    RULES,
    SENTENCE,
    SERIES,
    a1111,
    danbooru,
    danbooru_negative,
    sentence,
    series,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

_PONY = "civitai.com/models/257749, as a mirror quotes it"
_ANIMAGINE = "huggingface.co/cagliostrolab/animagine-xl-4.0, seen in an excerpt"
_READ = "2026-11-22"

FEWEST, LONGEST = 6, 900
"""Tags, and characters."""

_SCORE = re.compile(r"\bscore_\d\w*")
_PRAISE = re.compile(r"(?i)\b(?:masterpiece|best quality|absurdres|high score|great score)\b")
_QUALITY_LAST = re.compile(r"(?i)\b(?:masterpiece|high score|great score|absurdres)\W*$")


def _amount(text: str) -> Iterator[Fault]:
    if (count := len(text.split(","))) < FEWEST:
        yield "few", f"has {count} tags; at least {FEWEST} between commas are right"
    yield from _long(text)


def _long(text: str) -> Iterator[Fault]:
    if len(text) > LONGEST:
        yield "long", f"has {len(text):,} characters; at most {LONGEST} are read"


def _illustrious(text: str) -> Iterator[Fault]:
    yield from danbooru(text)
    yield from _amount(text)


def _illustrious_negative(text: str) -> Iterator[Fault]:
    yield from danbooru_negative(text)
    yield from _long(text)


def _pony(text: str) -> Iterator[Fault]:
    yield from a1111(text)
    yield from series(text)
    yield from sentence(text)
    yield from _amount(text)
    if not text.startswith("score_9"):
        yield "quality", "does not begin with score_9, score_8_up, …, the words Pony was taught"
    for name in ("source_", "rating_"):
        if name not in text:
            yield "labels", f"has no `{name}…` tag; `source_anime, rating_safe` is usual"
    yield from _praise(text)


def _praise(text: str) -> Iterator[Fault]:
    for found in _PRAISE.finditer(text):
        yield "family", f"has {shown(found[0])}, a quality word of other families"


def _pony_negative(text: str) -> Iterator[Fault]:
    yield from of_absence(a1111(text))
    yield from sentence(text)
    yield from _long(text)
    yield from negations(text)


def _scores(text: str) -> Iterator[Fault]:
    for found in _SCORE.finditer(text):
        yield (
            "family",
            f"has {shown(found[0])}, a word of Pony checkpoints; this one was not taught it",
        )


def _animagine(text: str) -> Iterator[Fault]:
    yield from a1111(text)
    yield from series(text)
    yield from sentence(text)
    yield from _amount(text)
    yield from _scores(text)
    if not _QUALITY_LAST.search(text):
        yield "quality", "does not end with masterpiece, high score, great score, absurdres"


def _animagine_negative(text: str) -> Iterator[Fault]:
    yield from _pony_negative(text)
    yield from _scores(text)


_NO_SCORES = Rule("family", "No score tags: they belong to Pony.", _PONY, _READ, "B", of="form")
_LONG = Rule("long", f"At most {LONGEST} characters.")
_AMOUNT = (Rule("few", f"At least {FEWEST} tags."), _LONG)
_ABSENT = (*for_absence(RULES), SENTENCE, NEGATION, _LONG)

FORMATS = (
    Format(
        "illustrious-tags",
        "Tags for Illustrious and NoobAI.",
        (*DANBOORU, *_AMOUNT),
        _illustrious,
        export_forms=EXPORT_FORMS,
        negative="illustrious-negative",
    ),
    Format(
        "illustrious-negative",
        "The negative tags beside them.",
        (*DANBOORU_NEGATIVE, _LONG),
        _illustrious_negative,
    ),
    Format(
        "pony-tags",
        "Tags for Pony V6 XL.",
        (
            *RULES,
            *_AMOUNT,
            SERIES,
            SENTENCE,
            Rule("quality", "Begins with score_9 and its kin.", _PONY, _READ, "B", of="form"),
            Rule("labels", "Says its source and its rating.", _PONY, _READ, "B", warns=True),
            Rule("family", "No masterpiece: other families' word.", "practice", _READ, "C"),
        ),
        _pony,
        export_forms=EXPORT_FORMS,
        negative="pony-negative",
    ),
    Format("pony-negative", "The negative tags beside them.", _ABSENT, _pony_negative),
    Format(
        "animagine-tags",
        "Tags for Animagine XL 4.0.",
        (
            *RULES,
            *_AMOUNT,
            SERIES,
            SENTENCE,
            _NO_SCORES,
            Rule("quality", "Ends with its quality tags.", _ANIMAGINE, _READ, "?"),
        ),
        _animagine,
        export_forms=EXPORT_FORMS,
        negative="animagine-negative",
    ),
    Format(
        "animagine-negative",
        "The negative tags beside them.",
        (*_ABSENT, _NO_SCORES),
        _animagine_negative,
    ),
)
