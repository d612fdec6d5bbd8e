"""Words that providers' filters refuse: reported, never sent back, since only a person knows the meaning.

No provider publishes a list. What is known are their rules (read 2026-11-22): nothing sexual,
cruel or drugged, nobody young beside words for bodies, no removing of watermarks, and each word of
a Midjourney `--no` read alone. The words are ours, and few: one that mostly means something harmless
is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import Rule, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from callsheet.catalog.formats.format import Fault

SAFETY = Rule(
    "safety",
    "No words that image services refuse: nakedness, gore, drugs, guns, youth beside bodies,"
    " removed watermarks.",
    "Google's responsible-AI page for Gemini images; audits of OpenAI and Midjourney; the words are ours",
    "2026-11-22",
    "C",
)

_KINDS = (
    (
        "nakedness",
        r"nud(?:e|es|ity)(?! (?:tones?|colou?rs?|shades?|pink|palette))|topless|nsfw|erotic\w*|sexy"
        r"|naked(?! (?:bulb|flame|eye|light|branch|tree|rock))|lingerie|cleavage|see-through (?:dress|blouse|shirt|top)"
        r"|sheer (?:dress|blouse|gown|nightgown|shirt|top|clothes|clothing)",
    ),
    (
        "gore",
        r"gore|gory|bloody|blood(?! (?:oranges?|moon|red|lily|lilies))|corpses?|dead body|severed|decapitat\w+"
        r"|dismember\w+|mutilat\w+|tortur\w+|open wounds?",
    ),
    ("drugs", r"cocaine|heroin|cannabis|marijuana|methamphetamine|drunk(?:en)?|crack pipe"),
    ("guns", r"(?<!glue )(?<!staple )guns?|handguns?|pistols?|revolvers?|rifles?|shotguns?|grenades?"),
    ("a removed watermark", r"(?:remov\w+|eras\w+) (?:the |its |any )?watermarks?"),
    ("youth", r"school ?(?:girls?|boys?)|school uniforms?|(?:young|little|teen|teenage|underage) (?:girls?|boys?)|lolis?|shotas?"),
)  # fmt: skip

_WORDS = tuple((kind, re.compile(rf"(?i)(?<![\w-])(?:{words})(?!\w)")) for kind, words in _KINDS)
_YOUNG = re.compile(
    r"(?i)\b(?:child(?:ren)?|kids?|teenagers?|toddlers?|bab(?:y|ies)|girls?|boys?)\b"
)
_BODY = re.compile(
    r"(?i)\b(?:bare (?:skin|legs?|shoulders?|chest|back|feet|midriff)|swimsuits?|bikinis?|underwear"
    r"|undress\w*|wet (?:clothes|shirt|dress)|thighs?)\b"
)


def screened(text: str) -> Iterator[Fault]:
    """Words that a filter may refuse, each kind once, and words for youth next to words for a body."""
    for kind, words in _WORDS:
        if found := words.search(text):
            instead = "say an adult age" if kind == "youth" else "services may refuse it"
            yield "safety", f"has {shown(found[0])} ({kind}); {instead}"
    young, body = _YOUNG.search(text), _BODY.search(text)
    if young and body:
        yield (
            "safety",
            f"has {shown(young[0])} beside {shown(body[0])}; services refuse that, so say an adult age",
        )


def for_absence(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules of a negative prompt, in which these words are allowed."""
    return tuple(rule for rule in rules if rule.name != SAFETY.name)


def of_absence(found: Iterable[Fault]) -> Iterator[Fault]:
    """The faults of a negative prompt."""
    return (fault for fault in found if fault[0] != SAFETY.name)
