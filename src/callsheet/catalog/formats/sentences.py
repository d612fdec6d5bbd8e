"""Rules for prompts in sentences, for image models with a language model as text encoder."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt
from callsheet.catalog.formats.format import Format, Rule, shown
from callsheet.catalog.formats.plain_text import (
    BULLETS,
    COLONS_RULE,
    EXCLUSION_IN_TEXT,
    FLAG,
    KEYWORD,
    LINE,
    MARKUP,
    NO_FIELD,
    RATIO,
    REFERENCE,
    SLOGAN,
    TAG,
    TRANSPARENT,
    WEIGHT_RULE,
    exclusions,
    line_breaks,
    markup,
    no_field,
    references,
    slogans,
    syntax,
    taste,
    transparent,
)
from callsheet.catalog.formats.stable_diffusion import EXPORT_FORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from callsheet.catalog.formats.format import Fault

_READ = "2026-11-22"
_BFL = "docs.bfl.ai/guides/prompting_unified_building; black-forest-labs/skills at d0793c8"
_TONGYI = "Tongyi-MAI/Z-Image at c7ec135, src/config/inference.py, README"
_COMFY_QWEN = "ComfyUI at a125cd8, comfy/text_encoders/qwen_image.py"

TAG_LIST = Rule(
    "tag list", "Sentences, not a list of tags.", "vendors' guides, in prose", _READ, "B", of="form"
)
PHOTO_WORD = Rule(
    "photo word",
    "No `photorealistic` beside a drawn or painted medium: it switches to photography.",
    "OpenAI cookbook, image-gen-models-prompting-guide",
    _READ,
    "A",
    warns=True,
)
PILE = Rule(
    "pile", "No pile of quality words.", "Google's guide, as audits quote it", _READ, "B", of="form"
)
EXCLUSION = Rule(
    "exclusion",
    "Nothing excluded with no, without, avoid: there is no negative prompt, so say what is there.",
    _BFL,
    _READ,
    "A",
    of="form",
)

_PHOTO = re.compile(r"(?i)\b(?:photo|hyper)[- ]?realis(?:tic|m)\b")
_DRAWN = re.compile(
    r"(?i)\b(?:anime|manga|illustrat\w+|paint(?:ed|ing|erly)|drawn|drawing|gouache|watercolou?r"
    r"|cel[- ]shad\w+|ink)\b"
)
_NO_TEXT = re.compile(
    r"(?i)\bno (?:[\w-]+ ){0,3}(?:text|letter(?:s|ing)|words|characters|writing)\b"
)
_SEVERAL, _SHORT = 12, 3


def tag_list(text: str) -> Iterator[Fault]:
    """A list of short phrases instead of sentences."""
    parts = [part.split() for part in re.split(r"[,;]", text)]
    if len(parts) < _SEVERAL or len(re.findall(r"[.!?](?:\s|$)", text)) > 1:
        return
    middle = sorted(map(len, parts))[len(parts) // 2]
    if middle <= _SHORT:
        yield "tag list", f"reads as {len(parts)} tags; sentences that relate things are right"


def photo_word(text: str) -> Iterator[Fault]:
    """A photography term in the description of a drawing."""
    if (found := _PHOTO.search(text)) and (drawn := _DRAWN.search(text)):
        yield "photo word", f"has {shown(found[0])} beside {shown(drawn[0])}; keep one of them"


def pile(text: str) -> Iterator[Fault]:
    """More than one quality word."""
    if len(found := [*slogans(text)]) > 1:
        yield "pile", f"praises the picture {len(found)} times; a fact about it does more"


def longer(words: int) -> Callable[[str], Iterator[Fault]]:
    """A check for texts of more than so many words."""

    def judge(text: str) -> Iterator[Fault]:
        if (count := len(text.split())) > words:
            yield "long", f"has {count} words; at most {words} are read well"

    return judge


def _excluded_things(text: str) -> Iterator[Fault]:
    """Exclusions, but for those of text, which Qwen's own rewriter writes."""
    yield from exclusions(_NO_TEXT.sub("", text))


def _beyond(characters: int) -> Callable[[str], Iterator[Fault]]:
    def judge(text: str) -> Iterator[Fault]:
        if len(text) > characters:
            yield "long", f"has {len(text)} characters; older versions read {characters}"

    return judge


def lines(text: str) -> Iterator[Fault]:
    """The faults of words in as many lines as wanted."""
    yield from every_prompt.faults(text)
    yield from references(text)
    yield from syntax(text)
    yield from markup(text, bullets=False)
    yield from taste(text)


def _paragraph(text: str) -> Iterator[Fault]:
    yield from every_prompt.faults(text)
    yield from references(text)
    yield from line_breaks(text)
    yield from syntax(text)
    yield from markup(text, bullets=True)
    yield from taste(text)


def all_of(*judges: Callable[[str], Iterable[Fault]]) -> Callable[[str], Iterator[Fault]]:
    """A check that consists of these, in their order."""

    def judge(text: str) -> Iterator[Fault]:
        for each in judges:
            yield from each(text)

    return judge


_SYNTAX = (REFERENCE, FLAG, COLONS_RULE, WEIGHT_RULE, TAG, KEYWORD)
LINES = (*every_prompt.RULES, *_SYNTAX, BULLETS, RATIO, SLOGAN, NO_FIELD, TAG_LIST)
_PARAGRAPH = (*every_prompt.RULES, *_SYNTAX, LINE, MARKUP, RATIO, SLOGAN, NO_FIELD, TAG_LIST)
_MILD = (
    Rule("weight", "No bracket weights: they are not reliable.", "prompt guides for SD 3.5", _READ, "C"),
    Rule("angle tag", "No `<lora:…>`: only some programs read it.", "prompt guides for SD 3.5", _READ, "C"),
)  # fmt: skip


def with_rules(rules: tuple[Rule, ...], *own: Rule) -> tuple[Rule, ...]:
    """The rules, with those of the same name replaced."""
    names = {rule.name for rule in own}
    return (*(rule for rule in rules if rule.name not in names), *own)


FORMATS = (
    Format(
        "gpt-image",
        "Labelled lines or one paragraph for GPT Image.",
        (*(rule for rule in LINES if rule is not TAG_LIST), PHOTO_WORD),
        all_of(lines, no_field, photo_word),
    ),
    Format(
        "nano-banana",
        "A description in sentences for Gemini's image models.",
        (*LINES, PILE, TRANSPARENT),
        all_of(lines, no_field, tag_list, pile, transparent),
    ),
    Format(
        "flux-2",
        "One or two paragraphs for FLUX.2.",
        (
            *LINES,
            EXCLUSION,
            TRANSPARENT,
            Rule("long", "At most 300 words: 30 to 80 for a plain picture, more for a complex one.", _BFL, "2026-11-28", "A", warns=True),
        ),
        all_of(lines, no_field, tag_list, exclusions, longer(300), transparent),
    ),
    Format(
        "lucid-origin",
        "One paragraph for Lucid Origin.",
        (*_PARAGRAPH, replace(EXCLUSION, source="Leonardo's page on Lucid Origin, as audits quote it", sure="B")),
        all_of(_paragraph, no_field, tag_list, exclusions),
    ),
    Format(
        "seedream",
        "Sentences for Seedream.",
        (
            *LINES,
            Rule("long", "At most 600 words.", "docs.byteplus.com/en/docs/ModelArk/1541523 on 4 and 5, as audits quote it; for 5.5 none was found", _READ, "B", of="form"),
        ),
        all_of(lines, no_field, tag_list, longer(600)),
    ),
    Format(
        "qwen-image",
        "Sentences for Qwen-Image.",
        with_rules(
            tuple(rule for rule in _PARAGRAPH if rule is not SLOGAN),
            replace(EXCLUSION_IN_TEXT, words="What must stay away stands in the negative field; that there is no text may be said."),
            TRANSPARENT,
            Rule("weight", "No bracket weights: the encoder reads past them.", _COMFY_QWEN, _READ, "A"),
            Rule("long", "At most 800 characters, which Qwen-Image 1 reads too.", "QwenLM/Qwen-Image at 6b5e1f5; audits disagree for later versions", _READ, "?"),
        ),
        all_of(_paragraph, no_field, tag_list, _excluded_things, transparent, _beyond(800)),
    ),
    Format(
        "stable-diffusion-3",
        "Sentences for Stable Diffusion 3.5.",
        with_rules(_PARAGRAPH, *_MILD, EXCLUSION_IN_TEXT),
        all_of(_paragraph, no_field, tag_list, exclusions),
        export_forms=EXPORT_FORMS,
    ),
    Format("krea-3", "Detailed sentences for Krea 3.", LINES, all_of(lines, no_field, tag_list)),
    Format(
        "z-image",
        "Long sentences for Z-Image.",
        (
            *LINES,
            Rule("long", "At most 350 words, about the 512 tokens that are read.", _TONGYI, "2026-11-28", "A", warns=True),
        ),
        all_of(lines, no_field, tag_list, longer(350)),
    ),
    Format("grok-image", "Everyday sentences for Grok Imagine.", LINES, all_of(lines, no_field, tag_list)),
)  # fmt: skip
