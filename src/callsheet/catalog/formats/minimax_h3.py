"""Rules for MiniMax H3: three labelled fields, shots with the times of their cuts, speech in tags.

The maker's own form is checked as it is written; what holds for every clip is checked in the same
text put into common words: a shot's label at the beginning of a line, speech in quotation marks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import start_image
from callsheet.catalog.formats.format import INDENT, Format, Rule, judged, shown
from callsheet.catalog.formats.plain_text import TAG
from callsheet.catalog.formats.video_text import (
    CLIP,
    LONG_SPEECH,
    POSITIVE,
    SPEECH,
    exclusion_rule,
    judge_of,
    long_speech,
    negations,
    spoken,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault, Others

FIELDS = ("integrated_multimodal_description", "overall_soundscape", "non_diegetic_music")
WITH_REFERENCES = (
    "subject_definitions", "summary", "retention_analysis", "detailed_description", *FIELDS[1:],
)  # fmt: skip
"""The fields of a prompt with several references, which the maker documents beside the first form."""

_MAKER = "MiniMax-AI/MiniMax-H3 at 8d8824e, skills/h3-prompt-writing/references/base-en.txt"
_READ = "2026-08-06"
_GUIDE = "Comfy-Org/docs at 174b44b, MiniMax H3 prompt guide"
LONGEST = 15
MOST_SOUNDS, MOST_MUSIC = 4, 3


def _rule(name: str, words: str, *, advice: bool = False) -> Rule:
    return Rule(name, words, _MAKER, _READ, "A", of="form" if advice else "limit")


RULES = (
    _rule("fields", f"Three fields in this order, each once, as `name: text`: {', '.join(FIELDS)}."),
    _rule("pictures", "For a picture, a first line that says at which second it stands."),
    _rule("shots", "`[Shot 1]` opens the first field and has no time; each later shot has the next number and"
          " the time of its cut, `[Shot 2] At 00:03.500,`, and the times rise."),
    _rule("speech tag", "Spoken words stand in the first field, in `<d>[Language] ...</d>`, and their speaker has"
          " a number, `(S1)`."),
    _rule("quoted speech", "Spoken words stand in `<d>`, lettering in quotation marks.", advice=True),
    _rule("sounds", f"At most {MOST_SOUNDS} sentences of sounds and {MOST_MUSIC} of music.", advice=True),
    _rule("mood of music", "Music is told by instruments, tempo and loudness, not by moods.", advice=True),
    SPEECH,
    LONG_SPEECH,
    exclusion_rule(POSITIVE + " What is named appears.", _GUIDE, "B", warns=True, date="2026-11-28"),
)  # fmt: skip

_FIELD = re.compile(rf"(?m)^{INDENT}({'|'.join((*WITH_REFERENCES, FIELDS[0]))}){INDENT}:")
_APART = re.compile(rf"\s*+(?<!\A)\b({'|'.join(FIELDS[1:])}){INDENT}:{INDENT}")
_SHOT = re.compile(
    r"(?i)\[shot (\d{1,3})\](?: ?at (\d{1,3}):(\d{2}(?:\.\d{1,3})?)\b,?| ?(at \d[\d:.]*+))?"
)
_PICTURE, _SECOND = re.compile(r"(?i)\bpicture \d\b"), re.compile(r"\b\d{1,3}\.\d\d[- ]second")
_OPEN, _SPEECH = re.compile(r"(?i)<d>"), re.compile(r"(?i)<d>([^<]*+)</d>")
_LANGUAGE = re.compile(r"\s*\[[A-Z][\w -]{1,40}\]\s*\S")
_WITHIN = re.compile(r"(?i)<(?:scenetrans|cutoff)>")
_SPEAKER = re.compile(r"\(S\d+(?:,\s?S\d+)*\)")
_QUOTED = re.compile(
    r"(?i)\b(?:says|whispers|murmurs|mutters|shouts|asks|replies|answers)\b[^.<\n\"\u201c]{0,60}[:,]\s?[\"\u201c]"
)
_MOODS = re.compile(
    r"(?i)\b(?:sad|happy|melanchol\w+|hopeful|uplifting|eerie|tense|ominous|joyful|cheerful|romantic|nostalgic|triumphant"
    r"|heroic|emotional|haunting|mysterious|playful|dramatic|epic|suspenseful|bittersweet|dreamy)\b"
)
_SENTENCE = re.compile(r"[.!?](?=\s|$)")


def parts_of(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the first field, and the fields by name."""
    found = [*_FIELD.finditer(text)]
    ends = [*(each.start() for each in found[1:]), len(text)]
    fields = {
        each[1]: text[each.end() : end].strip() for each, end in zip(found, ends, strict=False)
    }
    return text[: found[0].start()] if found else text, fields


def _places_a_picture(line: str) -> bool:
    """Whether a line says at which second a picture stands."""
    return bool(_PICTURE.search(line) and _SECOND.search(line))


def with_fields_apart(text: str) -> str:
    """The text with an empty line before each of its fields."""
    if not text.lstrip().startswith(FIELDS[0]) and f"\n{FIELDS[0]}:" not in text:
        return text
    return _APART.sub(r"\n\n\1: ", text)


def _fields(text: str) -> Iterator[Fault]:
    names = [found[1] for found in _FIELD.finditer(text)]
    wanted = WITH_REFERENCES if "detailed_description" in names else FIELDS
    if missing := [name for name in wanted if name not in names]:
        yield "fields", f"lacks the field {shown(missing[0] + ':', 50)} at the beginning of a line"
    elif tuple(names) != wanted:
        yield "fields", f"has its fields in another order or twice; {', '.join(wanted)} is right"


def _shots(text: str) -> Iterator[Fault]:
    scene = parts_of(text)[1].get(FIELDS[0])
    if scene is None:
        return
    found = [*_SHOT.finditer(scene)]
    if not found or found[0].start() or found[0][1] != "1":
        yield "shots", "does not begin its first field with `[Shot 1]`"
        return
    if found[0][2] or found[0][4]:
        yield "shots", f"has {shown(found[0][0])}; the first shot has no time"
    last = 0.0
    for number, shot in enumerate(found[1:], start=2):
        at = 60 * int(shot[2]) + float(shot[3]) if shot[2] else None
        if int(shot[1]) != number:
            yield "shots", f"has {shown(shot[0])} where shot {number} is next"
        elif at is None:
            yield "shots", f"has {shown(shot[0])} without the time of its cut, `At 00:03.500,`"
        elif at <= last:
            yield "shots", f"cuts at {shown(shot[0])}, which is not later than the shot before"
        last = at or last


def _speech(text: str) -> Iterator[Fault]:
    bare = _WITHIN.sub("", text)
    said = [*_SPEECH.finditer(bare)]
    if len(said) != sum(1 for _ in _OPEN.finditer(bare)):
        yield "speech tag", "has a `<d>` that no `</d>` ends"
    for found in said:
        if not _LANGUAGE.match(found[1]):
            yield (
                "speech tag",
                f"has {shown(found[0])} without its language; `<d>[English] ...</d>` is right",
            )
    if said and not _SPEAKER.search(bare):
        yield "speech tag", "has speech without the number of its speaker, `(S1)`"
    fields = parts_of(bare)[1]
    for name in FIELDS[1:]:
        if _OPEN.search(fields.get(name, "")):
            yield "speech tag", f"speaks in {name}; spoken words stand in the first field"
    for found in _QUOTED.finditer(text):
        yield (
            "quoted speech",
            f"has {shown(found[0])}; spoken words stand in `<d>[English] ...</d>`",
        )


def _sounds(text: str) -> Iterator[Fault]:
    fields = parts_of(text)[1]
    for name, most in zip(FIELDS[1:], (MOST_SOUNDS, MOST_MUSIC), strict=True):
        count = sum(1 for _ in _SENTENCE.finditer(fields.get(name, "")))
        if count > most:
            yield "sounds", f"has {count} sentences in {name}; at most {most} are read"
    for found in _MOODS.finditer(fields.get(FIELDS[2], "")):
        yield "mood of music", f"has {shown(found[0])}; name instruments, tempo and loudness"


def in_common_words(text: str) -> str:
    """The text as every clip is written: without field names and tags, with speech in quotation marks."""
    before, fields = parts_of(text)
    scene = "\n".join((*([] if _places_a_picture(before) else [before]), *fields.values()))
    scene = _SPEECH.sub(_in_quotes, _WITHIN.sub("", scene))
    scene = re.sub(r"(?i)<(picture|video|audio) \d+>", r"\1", scene)
    return _SHOT.sub(r"\nShot \1: ", scene).strip()


def _in_quotes(speech: re.Match[str]) -> str:
    return f'"{speech[1].partition("]")[2].strip()}"'


_COMMON = judge_of(long_speech(LONGEST), negations)


def _judge(text: str) -> Iterator[Fault]:
    for part in (_fields, _shots, _speech, _sounds):
        yield from part(text)
    # A crowd that murmurs in the soundscape says nothing.
    yield from spoken(_SPEECH.sub(_in_quotes, parts_of(text)[1].get(FIELDS[0], "")))
    yield from judged(_COMMON, in_common_words(text))


def _compare(text: str, others: Others) -> Iterator[Fault]:
    before, _ = parts_of(text)
    if others.get(start_image.PICTURE) and not _places_a_picture(before):
        yield (
            "pictures",
            "has no first line `For the target video, at 0.00 seconds into the target video, <Picture 1>"
            " (from [Shot 1]) is fully referenced.`",
        )
    yield from start_image.compare_with_still(in_common_words(text), others)


FORMATS = (
    Format(
        "h3-clip",
        "Three fields for MiniMax H3: what is seen and said, its sounds, its music.",
        (*(rule for rule in CLIP if rule is not TAG), *RULES),
        _judge,
        _compare,
        mend=with_fields_apart,
    ),
)
