"""Rules for plain text, for models that read words only: no flags, no weights, no markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt
from callsheet.catalog.formats.clip_tokens import SOURCE as CLIP_SOURCE
from callsheet.catalog.formats.clip_tokens import over
from callsheet.catalog.formats.format import INDENT, NUMBER, Format, Rule, shown
from callsheet.catalog.formats.safety import for_absence, of_absence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

_LEONARDO = "Leonardo's API reference, where the request has fields of its own for it"

LINE = Rule("line break", "One paragraph.")
FLAG = Rule("flag", "No parameter flags (`--ar`).", _LEONARDO, "2026-11-22", "A")
COLONS_RULE = Rule(
    "double colon", "No `::`.", "no maker documents it: these models read it as text", of="limit"
)
WEIGHT_RULE = Rule("weight", "No bracket weights `(rain:1.2)`.", COLONS_RULE.source, of="limit")
TAG = Rule(
    "angle tag", "No `<lora:…>` or other tag in angle brackets.", COLONS_RULE.source, of="limit"
)
KEYWORD = Rule(
    "keyword",
    "No `BREAK`, no `AND` and no score tags of Stable Diffusion.",
    COLONS_RULE.source,
    of="limit",
)
EXCLUSION_IN_TEXT = Rule(
    "exclusion",
    "What must stay away stands where the model reads it, not in the text.",
    "Midjourney's No page, as audits quote it; Qwen-Image's and Stable Diffusion's negative fields",
    "2026-11-28",
    "B",
    of="form",
)
NO_FIELD = Rule(
    "negative field",
    "No `Negative prompt:` in the text: what must stay away has no field, or one of its own.",
    "the vendors' API references",
    "2026-11-22",
    "A",
)
REFERENCE = Rule(
    "reference",
    "No `@image1` and no `<<<image_1>>>`: nothing is attached but a clip's first frame.",
    "Comfy-Org/docs, Kling and Seedance nodes, where a name without its input is an error",
    "2026-11-28",
    "B",
)
TRANSPARENT = Rule(
    "transparent",
    "No transparent background: the model draws none.",
    "makers' API references, where none has a field for it; practice",
    "2026-11-28",
    "C",
)
MARKUP = Rule("markup", "No Markdown: bold, headings, bullets, code, links.")
BULLETS = Rule("markup", "No Markdown but plain lists: no bold, headings, code, links.")
RATIO = Rule(
    "ratio",
    "No ratio or pixel size in the text: it is a setting.",
    _LEONARDO,
    "2026-11-22",
    "A",
    warns=True,
)
SLOGAN = Rule(
    "slogan",
    "No quality slogans (8k, masterpiece).",
    "prompt guides; they add nothing",
    "2026-11-22",
    "C",
)

_FLAG = re.compile(r"(?:^|(?<=\s))(?:--|\u2014|\u2013)[A-Za-z]+")
_WEIGHT = re.compile(rf"\([^()]*:\s*[+-]?{NUMBER}\s*\)")
_TAG = re.compile(r"<\s*/?\w[^<>]*>")
_FIELD = re.compile(r"(?i)\bnegative(?: prompt)?\s*:")
_REFERENCE = re.compile(
    r"(?i)(?<!\w)@(?:image|video|audio|character|element)[_ ]?\d*\b|(?<!\w)@\w+_(?:ref|img|image)\b|<<<\w+>>>"
)
_KEYWORD = re.compile(r"(?<=[a-z,.;] )(?:BREAK|AND)\b(?=[,.]? [a-z(])|\bscore_\d\w*")
_TRANSPARENT = re.compile(r"(?i)\b(?:transparent|alpha[- ]channel|cut-?out) background\b")
EXCLUDED = re.compile(
    r"(?i)\b(?:no(?! (?:longer|one|matter)\b)|without|avoid(?:ing)?|exclud(?:e|ing)|do not|don['\u2019]t|never"
    r"|minus(?! \d)|lacking|devoid of|free (?:of|from)|neither)\s+[a-z][\w-]*"
)
"""A negation, and the word after it."""
_BOLD = re.compile(
    r"\*\*[^*\n]+\*\*|__[^_\n]+__|`[^`\n]+`|\[[^\[\]\n]+\]\([^)\[\n]+\)|^\s{0,3}#{1,6} \S",
    re.MULTILINE,
)
_BULLET = re.compile(rf"^{INDENT}(?:[-*\u2022]|\d+[.)]) \S", re.MULTILINE)
_RATIO = re.compile(
    r"(?i)\baspect[ -]ratio\b|(?<!--ar )(?<!--aspect )\b(?:1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|16:9|21:9|9:21)\b|\b\d{3,4} ?[x\u00d7] ?\d{3,4}\b"
)
_SLOGAN = re.compile(
    r"(?i)\b(?:[48]k(?: uhd)?|uhd|masterpiece|best quality|award[- ]winning|octane render|unreal engine"
    r"|trending on artstation|ultra[- ]detailed|hyper[- ]?realistic|high(?:ly)? detailed)\b"
)
_NEGATION = re.compile(r"(?i)(?:^|,)\s*(no|without|avoid|do not|don['\u2019]t|never)\s[^,]*")
_CALM = re.compile(r"(?i)\b(?:static|still|motionless|style|artwork|painting)\b")


def no_field(text: str) -> Iterator[Fault]:
    """A negative prompt inside the text, for models without a negative field."""
    if found := _FIELD.search(text):
        yield "negative field", f"has {shown(found[0])}; the text is for what is shown"


def references(text: str) -> Iterator[Fault]:
    """Names of images, clips and voices that a request would bring along."""
    for found in _REFERENCE.finditer(text):
        yield "reference", f"refers to {shown(found[0])}, which is not attached"


def keywords(text: str) -> Iterator[Fault]:
    """Words that programs and checkpoints of Stable Diffusion read, and nobody else."""
    for found in _KEYWORD.finditer(text):
        yield "keyword", f"has {shown(found[0])}, which this model reads as a word"


def exclusions(text: str) -> Iterator[Fault]:
    """What a text says is not there."""
    for found in EXCLUDED.finditer(text):
        yield (
            "exclusion",
            f"has {shown(found[0])}; what is named may be drawn, so say what is there",
        )


def transparent(text: str) -> Iterator[Fault]:
    """A background that only few models can leave out."""
    if found := _TRANSPARENT.search(text):
        yield "transparent", f"asks for a {shown(found[0])}; a plain one can be cut out afterwards"


def line_breaks(text: str) -> Iterator[Fault]:
    """A line break inside the text."""
    if "\n" in text.strip() or "\r" in text.strip():
        yield "line break", "has line breaks; one paragraph is right"


def syntax(text: str) -> Iterator[Fault]:
    """Syntax of other models."""
    for found in _FLAG.finditer(text):
        yield "flag", f"has the parameter {shown(found[0])}; this model reads words only"
    if "::" in text:
        yield "double colon", "has `::`; this model reads it as text"
    yield from keywords(text)
    for found in _WEIGHT.finditer(text):
        yield (
            "weight",
            f"has the bracket weight {shown(found[0])}; say it earlier or plainer instead",
        )
    for found in _TAG.finditer(text):
        yield "angle tag", f"has the tag {shown(found[0])}; this model loads nothing by it"


def markup(text: str, *, bullets: bool) -> Iterator[Fault]:
    """Markdown, with or without plain lists."""
    for found in _BOLD.finditer(text):
        yield "markup", f"has Markdown ({shown(found[0])}); plain words are right"
    if bullets and (bullet := _BULLET.search(text)):
        yield "markup", f"has a bullet ({shown(bullet[0])}); sentences are right"


def taste(text: str) -> Iterator[Fault]:
    """Words without effect."""
    for found in _RATIO.finditer(text):
        yield "ratio", f"has {shown(found[0])}; the shape is set outside the text"
    yield from slogans(text)


def slogans(text: str) -> Iterator[Fault]:
    """Words that praise the image instead of describing it."""
    for found in _SLOGAN.finditer(text):
        yield "slogan", f"has {shown(found[0])}; it adds nothing, a fact would"


def plain(text: str) -> Iterator[Fault]:
    """The faults of one plain paragraph."""
    yield from every_prompt.faults(text)
    yield from line_breaks(text)
    yield from syntax(text)
    yield from markup(text, bullets=True)
    yield from taste(text)


def _lines(text: str) -> Iterator[Fault]:
    yield from every_prompt.faults(text)
    yield from syntax(text)
    yield from markup(text, bullets=False)
    yield from taste(text)


def _tags(text: str) -> Iterator[Fault]:
    yield from plain(text)
    yield from over(text, 1, "the text encoder drops what is")
    if re.search(r"[.!?]\s+\w", text):
        yield "sentence", "has sentences; short phrases between commas are read better"


def negations(text: str) -> Iterator[Fault]:
    """Entries of a negative field that are negated again."""
    for found in _NEGATION.finditer(text):
        bare = found[0].lstrip(", ")
        yield "negation", f"has {shown(bare)}; the field itself says no, so name the thing alone"


def absent(text: str) -> Iterator[Fault]:
    """The faults of a negative prompt."""
    yield from of_absence(plain(text))
    yield from negations(text)


def _negative(text: str) -> Iterator[Fault]:
    yield from absent(text)
    for found in _CALM.finditer(text):
        yield "calm", f"excludes {shown(found[0])}, which keeps a quiet clip quiet"


_WORDS = (*every_prompt.RULES, FLAG, COLONS_RULE, WEIGHT_RULE, TAG, KEYWORD)

PLAIN = (*_WORDS, LINE, MARKUP, RATIO, SLOGAN)

NEGATION = Rule(
    "negation",
    "Things as nouns, without no, without, avoid.",
    "vendors' negative fields",
    "2026-11-22",
    "B",
    of="form",
)

ABSENT = (*for_absence(PLAIN), NEGATION)

FORMATS = (
    Format("plain-text", "One paragraph of words.", PLAIN, plain),
    Format(
        "plain-lines",
        "Words, in as many lines as wanted.",
        (*_WORDS, BULLETS, RATIO, SLOGAN),
        _lines,
    ),
    Format(
        "plain-tags",
        "Short phrases between commas, for one CLIP window.",
        (
            *(rule for rule in PLAIN if rule is not WEIGHT_RULE),
            Rule(
                "weight",
                "No bracket weights: at few steps and low guidance they hardly bite.",
                "Leonardo's page on models (SDXL Lightning), inferred",
                "2026-11-22",
                "C",
            ),
            Rule(
                "clip",
                "At most 75 CLIP tokens, by a bound.",
                f"{CLIP_SOURCE}, inferred",
                "2026-11-22",
                "C",
            ),
            Rule(
                "sentence", "Phrases, not sentences.", "guides for anime models", "2026-11-22", "C"
            ),
        ),
        _tags,
    ),
    Format("negative-words", "What must stay away from a picture, as nouns.", ABSENT, absent),
    Format(
        "negative-nouns",
        "What must stay away, as nouns between commas.",
        (
            *ABSENT,
            Rule(
                "calm",
                "Nothing excluded that keeps a clip calm: static, still, painting.",
                "Wan2.2 wan/configs/shared_config.py, whose stock negative does the harm",
                "2026-11-22",
                "A",
                warns=True,
            ),
        ),
        _negative,
    ),
)
