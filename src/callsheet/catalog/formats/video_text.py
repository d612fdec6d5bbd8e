"""Rules for video prompts: the motion in words, and the scene only where there is no start image.

What a model's maker documents of its form is a rule of that model's format; what all share is kept
in `CLIP`. Bounds on what is written for a picture are found by comparing with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt, start_image
from callsheet.catalog.formats.camera_moves import (
    CAMERA_CONFLICT_RULE,
    CAMERA_MOVES_RULE,
    camera_findings,
    shots,
)
from callsheet.catalog.formats.format import INDENT, Format, Rule, shown
from callsheet.catalog.formats.plain_text import (
    BULLETS,
    COLONS_RULE,
    FLAG,
    KEYWORD,
    LINE,
    RATIO,
    REFERENCE,
    SLOGAN,
    TAG,
    WEIGHT_RULE,
    line_breaks,
    markup,
    references,
    syntax,
    taste,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Compare, Fault, Judge, Others, Sure

LENGTH = Rule(
    "length",
    "No frame rate or resolution in the text, and seconds only where the model cuts by them: they are settings.",
    "the makers' API references, where the request has fields of its own for them",
    "2026-11-22",
    "B",
    warns=True,
)
SEEN = "2026-11-28"

FIELD = Rule(
    "negative field",
    "No `Negative prompt:` inside the text.",
    "the makers' API references: a field of its own, or none",
    "2026-11-22",
    "B",
)
SPEECH = Rule(
    "speech",
    "Spoken words stand in quotation marks or behind a colon; without them nobody says anything.",
    "guides to Veo 3.1 and Kling 3.0 that quote the makers' own",
    "2026-11-28",
    "C",
)
LONG_SPEECH = Rule(
    "long speech",
    "No more spoken words than the longest clip has time for, at three a second.",
    "practice; ordinary speech has two to three words a second",
    "2026-11-28",
    "C",
)
WORDS_A_SECOND = 3
ELSEWHERE = Rule(
    "exclusion",
    "What must stay away stands in the negative field, not in the text.",
    date="2026-11-23",
    warns=True,
)

CLIP = (
    *every_prompt.RULES, FLAG, COLONS_RULE, WEIGHT_RULE, TAG, KEYWORD, BULLETS, RATIO, SLOGAN,
    LENGTH, FIELD, REFERENCE, CAMERA_CONFLICT_RULE, CAMERA_MOVES_RULE, *start_image.RULES,
)  # fmt: skip
"""What holds for every clip, whoever makes it."""

_LENGTH = re.compile(
    r"(?i)(?<![\[\d:-])(?<!her )(?<!his )(?<!their )\b\d{1,3}(?:\.\d+)?[- ]?(?:seconds?|secs?|s)\b(?!\s*[\]-])"
)
_RATE = re.compile(r"(?i)\b\d+ ?fps\b|\b(?:480|720|1080|2160)p\b")
_FIELD = re.compile(r"(?i)\bnegative(?:[ _]prompt)?\s*:")
_QUOTED = re.compile(r"[\"\u201c][^\"\u201d]*+([\"\u201d]?)")
_NO = re.compile(
    r"(?i)\b(?:no|without|never|avoid|don['\u2019]t|doesn['\u2019]t|do not|does not|not|minus(?! \d)|lacking"
    r"|devoid of|free (?:of|from)|neither)"
    r"\s+(?!(?:music|score|subtitles?|captions?|dialogue|speech|voice-?over|on-screen text)\b)\w+"
)
_NEAR = 100
"""Characters before and after a verb of speech in which the words are looked for."""

_SPOKEN_BEFORE = re.compile('["\u201d\u2019\'\u00bb][^"\u201c\u201d.\n]{0,40}$')
_SPOKEN_AFTER = re.compile("[^.\n]{0,80}?[:\"\u201c\u2018'\u00ab]")
_SAYS = re.compile(r"(?i)\b(?:says|whispers|murmurs|shouts|asks|replies|answers)\b")


def _words(text: str) -> Iterator[Fault]:
    """The faults of any video prompt."""
    yield from every_prompt.faults(text)
    yield from syntax(text)
    yield from markup(text, bullets=False)
    yield from taste(text)
    yield from camera_findings(text)
    for found in _RATE.finditer(text):
        yield "length", f"has {shown(found[0])}; it is set outside the text"
    if field := _FIELD.search(text):
        yield "negative field", f"has {shown(field[0])}; nothing reads it there"
    yield from references(text)


def _length(text: str) -> Iterator[Fault]:
    """Seconds, for models whose length is a setting alone."""
    for found in _LENGTH.finditer(text):
        yield "length", f"has {shown(found[0])}; it is set outside the text"


def negations(text: str) -> Iterator[Fault]:
    """Negations outside quoted speech."""
    unquoted = _QUOTED.sub(lambda found: "" if found[1] else found[0], text)
    for found in _NO.finditer(unquoted):
        yield "exclusion", f"has {shown(found[0])}; say what is there instead"


def spoken(text: str) -> Iterator[Fault]:
    """Verbs of speech without the words."""
    for found in _SAYS.finditer(text):
        before = text[max(0, found.start() - _NEAR) : found.start()]
        after = text[found.end() : found.end() + _NEAR]
        if not _SPOKEN_BEFORE.search(before) and not _SPOKEN_AFTER.match(after):
            yield "speech", f"has {shown(found[0])} without the words; put them in quotation marks"


def long_speech(seconds: int) -> Judge:
    """That more is said than a clip of so many seconds has time for."""

    def judge(text: str) -> Iterator[Fault]:
        words = sum(len(found[0].split()) for found in _QUOTED.finditer(text))
        if words > seconds * WORDS_A_SECOND:
            yield (
                "long speech",
                f"has {words} spoken words; a clip of {seconds} s has time for fewer",
            )

    return judge


def judge_of(*parts: Judge) -> Judge:
    """What finds the faults of any clip, and those that these parts find."""
    return lambda text: (fault for part in (_words, *parts) for fault in part(text))


def _at_most(words: int, rule: str) -> Compare:
    """That a text for a picture has more words than so many, and all that pictures forbid."""

    def compare(text: str, others: Others) -> Iterator[Fault]:
        yield from start_image.compare_with_still(text, others)
        count = len(text.split())
        if others.get(start_image.PICTURE) and count > words:
            yield rule, f"has {count} words for a picture; {words} say what moves"

    return compare


# Hailuo: camera commands in square brackets.

COMMANDS = (
    "Truck left", "Truck right", "Pan left", "Pan right", "Push in", "Pull out", "Pedestal up",
    "Pedestal down", "Tilt up", "Tilt down", "Zoom in", "Zoom out", "Shake", "Tracking shot",
    "Static shot",
)  # fmt: skip
MOST_TOGETHER = 3

_HAILUO = "MiniMax's API reference, as novita.ai/docs/api-reference/model-apis-minimax-hailuo-2.3-t2v quotes it"
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def _commands(text: str) -> Iterator[Fault]:
    known = {command.lower() for command in COMMANDS}
    for found in _BRACKETS.finditer(text):
        given = [command.strip() for command in found[1].split(",")]
        for command in given:
            if command.lower() not in known:
                yield "command", f"has {shown(f'[{command}]')}, which is no camera command"
        if len(given) > 1 and "static shot" in map(str.lower, given):
            yield "rest and move", f"has {shown(found[0])}; the camera rests, or it moves"
        if len(given) > MOST_TOGETHER:
            yield (
                "together",
                f"moves {len(given)} ways in one bracket; at most {MOST_TOGETHER} are read",
            )


# Kling: labelled shots, each of bounded length.

MOST_SHOTS, LONGEST_SHOT = 6, 512

_LABEL = re.compile(rf"(?im)(?:^{INDENT}|(?<=[.!?] ))\[?shot\s*\d+")


def _shots(text: str) -> Iterator[Fault]:
    if not _LABEL.search(text):
        return
    labelled = [shot for shot in shots(text) if _LABEL.match(shot)]
    if len(labelled) > MOST_SHOTS:
        yield "shots", f"has {len(labelled)} shots; at most {MOST_SHOTS} are made"
    for number, shot in enumerate(labelled, start=1):
        if len(shot.strip()) > LONGEST_SHOT:
            yield "shots", f"tells shot {number} in {len(shot)} characters; {LONGEST_SHOT} are read"


# Runway counts as UTF-16 does: an emoji twice.

MOST_UNITS = 1_000


def _units(text: str) -> Iterator[Fault]:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units > MOST_UNITS:
        yield "units", f"has {units:,} UTF-16 units; at most {MOST_UNITS:,} are read"


# Gemini Omni reads its length from the text.

SHORTEST_CLIP, LONGEST_CLIP = 3, 15

_CLIP_SECONDS = re.compile(
    r"(?i)\b(\d{1,3})[- ](?:second|sec|s)[- ](?:long |video |film |single |continuous )*(?:clip|video|film|shot|take)\b"
)


def _clip_length(text: str) -> Iterator[Fault]:
    for found in _CLIP_SECONDS.finditer(text):
        if not SHORTEST_CLIP <= int(found[1]) <= LONGEST_CLIP:
            yield (
                "clip length",
                f"asks for {shown(found[0])}; {SHORTEST_CLIP} to {LONGEST_CLIP} seconds are made",
            )


_LTX = "Lightricks/LTX-2 at 400fd31, gemma4_t2v_system_prompt.txt and gemma4_i2v"
_LABELLED = re.compile(
    r"(?im)(?:^|(?<=[.!?] ))(?:shot \d+|scene|camera|audio|sounds?|music|style|lighting|dialogue)\s?(?:\([^()\n]{0,20}\))?:|^\[?\d+-\d+ ?s\b"
)


def _labels(text: str) -> Iterator[Fault]:
    for found in _LABELLED.finditer(text):
        yield "label", f"has the label {shown(found[0])}; say it in a sentence"


_RUNWAY = "help.runwayml.com, Gen-4 Prompting Guide"


def exclusion_rule(
    words: str, source: str, sure: Sure, *, warns: bool = False, date: str = "2026-11-23"
) -> Rule:
    """The rule of a model that has no negative prompt."""
    return Rule("exclusion", words, source, date, sure, warns, "form")


POSITIVE = "What is there, never what is not: there is no negative prompt."


def _format(
    name: str, about: str, rules: tuple[Rule, ...], judge: Judge, compare: Compare | None = None
) -> Format:
    return Format(name, about, (*CLIP, *rules), judge, compare or start_image.compare_with_still)


FORMATS = (
    _format("veo-clip", "A shot for Veo 3.1, with its sound.", (SPEECH, LONG_SPEECH, ELSEWHERE), judge_of(spoken, long_speech(8), negations, _length)),
    _format(
        "kling-clip",
        "A shot, or labelled shots, for Kling 3.0, with their sound.",
        (
            SPEECH,
            LONG_SPEECH,
            ELSEWHERE,
            Rule("shots", f"At most {MOST_SHOTS} labelled shots, each of {LONGEST_SHOT} characters.",
                 "Comfy-Org/docs, Kling 3.0 nodes; blog.fal.ai/kling-3-0-prompting-guide", "2026-11-23", "B"),
            Rule("brief", "For a picture, at most 60 words.",
                 "guides that advise 20 to 40 for an animated picture", "2026-11-22", "C"),
        ),
        judge_of(spoken, long_speech(15), negations, _shots),
        _at_most(60, "brief"),
    ),
    _format(
        "kling-4-clip",
        "A shot, or labelled shots, for Kling 4.0, with their sound.",
        (SPEECH, LONG_SPEECH, exclusion_rule(POSITIVE, "Comfy-Org/docs, Kling 4.0 nodes, which have no field for it", "B", warns=True, date=SEEN)),
        judge_of(spoken, long_speech(30), negations),
    ),
    _format(
        "omni-clip",
        "A clip in sentences for Gemini Omni Flash, with its length and sound.",
        (
            LONG_SPEECH,
            Rule("clip length", "A length in the text is one of 3 to 15 seconds.",
                 "Comfy-Org/docs, GeminiVideoOmniV2; developer.civitai.com, Gemini Omni: 3 to 10 s (1.1), 3 to 15 s (1.2)", SEEN, "B", warns=True),
        ),
        judge_of(long_speech(15), _clip_length),
    ),
    _format(
        "seedance-clip",
        "A shot for Seedance 2.0, with its sound.",
        (SPEECH, LONG_SPEECH, exclusion_rule(POSITIVE + " In 2.0 it is unreliable.", "Comfy-Org/docs, Seedance nodes", "B", warns=True)),
        judge_of(spoken, long_speech(15), negations),
    ),
    _format(
        "hailuo-clip",
        "One paragraph for Hailuo, its camera commands in square brackets.",
        (
            LINE,
            Rule("command", "In square brackets only camera commands: " + ", ".join(COMMANDS) + ".", _HAILUO, "2026-11-23", "B"),
            Rule("together", f"At most {MOST_TOGETHER} commands in one bracket.", _HAILUO, "2026-11-23", "B"),
            exclusion_rule(POSITIVE, _HAILUO, "B"),
        ),
        judge_of(line_breaks, _commands, negations, _length),
    ),
    _format(
        "luma-clip",
        "One paragraph for Ray 3.2.",
        (LINE, exclusion_rule(POSITIVE, "docs.aimlapi.com, Luma Ray-3.2; Comfy-Org/docs, Luma nodes", "B")),
        judge_of(line_breaks, negations, _length),
    ),
    _format(
        "wan-clip",
        "A shot, or shots with their times, for Wan 2.7.",
        (
            ELSEWHERE,
            Rule("brief", "For a picture, at most 100 words: motion and camera.",
                 "Wan2.2 wan/utils/system_prompt.py, whose own rewriter keeps to it", "2026-11-22", "A", of="form"),
        ),
        judge_of(negations),
        _at_most(100, "brief"),
    ),
    _format(
        "wan-3-clip",
        "A clip in sentences for Wan 3.0, with its sound.",
        (SPEECH, LONG_SPEECH, exclusion_rule(POSITIVE, "docs.oxen.ai, Wan 3.0, which has dropped the field", "B", warns=True, date=SEEN)),
        judge_of(spoken, long_speech(30), negations),
    ),
    Format(
        "ltx-clip",
        "One paragraph in the order of events for LTX-2.5.",
        (
            # The maker's rewriter opens with what the still shows.
            *(rule for rule in CLIP if rule is not start_image.ECHO),
            SPEECH,
            LONG_SPEECH,
            Rule("line break", "One paragraph.", _LTX, SEEN, "A", of="form"),
            Rule("label", "No labels such as `Shot 1:` and `Sound:`; all is said in sentences.", _LTX, SEEN, "A", of="form"),
            exclusion_rule(POSITIVE, "Comfy-Org/docs, LTX 2.5 nodes, which have no field for it", "B", warns=True, date=SEEN),
        ),
        judge_of(spoken, long_speech(20), negations, line_breaks, _labels, _length),
        start_image.compare_with_still,
    ),
    _format(
        "runway-clip",
        "One paragraph for Gen-4.5.",
        (
            LINE,
            Rule("units", f"At most {MOST_UNITS:,} UTF-16 units.", "runwayml/sdk-python at c604e0e", "2026-11-22", "A"),
            exclusion_rule("What is there, never what is not: negations may bring the thing.", _RUNWAY, "A"),
        ),
        judge_of(line_breaks, _units, negations, _length),
    ),
)  # fmt: skip
