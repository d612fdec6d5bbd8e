"""Takes an idea apart for drafts: its plain text, what tools read as syntax in it, its tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WEIGHT = r"(?<!\()\(++[^()]*:\d+(?:\.\d+)?\)+"
_BEFORE = r"(?:\b(?:over|in|on|at|of|with|by|under|near|and|or|from|to|into|wearing|holding)\s+)?"
_SYNTAX = (
    (r"(?:^|\s)--no\s+\w[^-]*?(?=\s+--|$)", " "),
    (r"(?:^|\s)--(?:motion|style|sref|cref|oref|p)\s+(?!--)\S+", " "),
    (r"(?:^|\s)--[A-Za-z]+(?:\s+(?!--)(?=\S*\d)[^\s,]+)?", " "),
    (rf"{_BEFORE}(?:\b(?:an?|the)\s+)?__[\w*/-]+?__", " "),
    (r"<\w+:[^<>]*>", " "),
    (r"\bBREAK\b", " "),
    (r"(?i)(?:, ?)?\b(?:masterpiece|best quality|absurdres|highres|score_\d\w*)\b", " "),
    (r"\{([^{}|]*)\|[^{}]*\}", r"\1"),
    (r"(?<!\()\(++([^()]*):\d+(?:\.\d+)?\)+", r"\1"),
    (r"::-?\d*(?:\.\d+)?", " "),
)
"""What tools read as syntax, and what stays of it: flags, wildcards, LoRAs, choices, weights."""

_SHAPE = r"(?<![\d:.])(1:1|2:3|3:2|3:4|4:3|4:5|5:4|9:16|9:21|16:10|16:9|21:9)(?![\d:])"
_RATIO_WORD = "(?:aspect[ -]?ratio|ratio|format)"
_RATIOS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i)(?:, *)?\b(?:(?:in|im|with) +(?:an? +)?)?{_RATIO_WORD}(?: +of| +is)?:? +{_SHAPE}",
        rf"(?i)(?:, *)?(?:\bin +(?:an? +)?)?{_SHAPE}[ -]{_RATIO_WORD}\b",
        rf"(?i){_SHAPE}(?=[ -](?:crop|fram(?:e|ing)|composition|widescreen|vertical|horizontal|portrait|landscape)\b)",
        rf"(?i)(?:(?<=\bvertical )|(?<=\bportrait )|(?<=\bhorizontal )|(?<=\bsquare )){_SHAPE}",
        rf"(?:^|[,;] *| in +){_SHAPE}(?= *(?:[,;.!]|$))",
        r"(?<![\d:])(16:9|21:9)(?![\d:])",
    )
)
"""How an idea names its shape; `3:2` by itself may be a result, and `9:16` a time."""

_MAY_BE_RATIO = re.compile(r"\d:\d")
_FLAG_RATIO = re.compile(r"--(?:ar|aspect)\s+([1-9]\d?:[1-9]\d?)\b")
_NO = re.compile(r"(?:^|\s)--no\s+(\w[^-]*?)(?=\s+--|$)")
_DENIED = re.compile(r"(?i)(?:^|,)\s*(?:no|without(?: any| an?)?)\s+([\w -]{2,40}?)\s*(?=[,.;]|$)")
_OTHER_SCRIPT = re.compile(r"(?:[^\W\d_\u0000-\u024f\u1e00-\u1eff]|[\u3000-\u303f\uff00-\uffef])+")
"""Letters that models trained on tags do not know, and the punctuation of their scripts."""
QUOTED = re.compile(r"([\"\u201c][^\"\u201c\u201d]*[\"\u201d])")

_NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5"}
_PEOPLE = re.compile(
    r"(?i)\b(?:(two|three|four|five|[2-5])\s+(?:[\w-]+\s+){0,2}?)?(wom[ae]n|girls?|lad(?:y|ies)|m[ae]n|boys?)\b"
)


_LETTERING = "text, logo, signature, username, captions, letters, lettering, garbled letters"
_CAMERA = "camera movement, camera shake, zoom, sudden zoom, pan, shake"
_TOPICS = (
    (
        _LETTERING,
        """sign poster icon label title word banner headline typography logotype wordmark emblem badge sticker
        newspaper letter lettering inscription slogan text logo caption signature subtitle writing handwriting
        handwritten graffiti""",
    ),
    (
        "old, early",
        """old older oldest elderly aged ancient vintage antique retro grandmother grandfather grandma grandpa
        granny grandparent senior pensioner wrinkled weathered medieval historic ruin early""",
    ),
    (_CAMERA, "handheld zoom pan"),
    (
        "camera shake, shake, jitter",
        "jitter jittery shake shaky tremble shiver vibrate rattle earthquake handheld",
    ),
    ("strobing", "strobe stroboscopic flash flicker disco lightning blink"),
    ("cut, scene cuts, scene change", "cut montage collage split diptych triptych panel"),
    (
        "morphing, melting shapes, warping lines",
        """morph transform metamorphosis shapeshift shapeshifter mutate melt molten thaw dissolve liquefy warp bend
        bent twist distort ripple wavy surreal""",
    ),
    (
        "distorted face, distorted faces, distorted hands",
        "distort grimace funhouse fisheye warp cubist cubism monster caricature",
    ),
    (
        "duplicate objects, duplicate subject",
        "duplicate duplication double twin identical clone copy mirror reflection repeat pattern",
    ),
    (
        "bad hands, mutated hands, extra digits, extra fingers, bad anatomy",
        """mutant mutate mutation monster alien zombie claw creature chimera centaur contortionist skeleton cubist
        cubism""",
    ),
    ("border, letterboxed", "border frame framed letterbox polaroid postcard stamp margin"),
    (
        "oversaturated",
        "oversaturated saturated psychedelic garish fluorescent neon technicolor rainbow",
    ),
    ("blurred details", "blur blurry bokeh unfocused haze hazy fog mist"),
    (
        "lowres, jpeg artifacts",
        "glitch vhs pixel pixelated lowres compressed artifact",
    ),
    ("watermark", "watermark watermarked"),
)
"""What negative prompts ban, by topic, and the words of an idea that show it."""

_CARRIERS = frozenset({"shapes", "lines", "objects", "details", "subject", "scene", "source"})
"""Words of what is banned that do not say what is bad about it."""


@dataclass(frozen=True)
class TakenOut:
    """What is no text in an idea: each part that tools read as syntax or as a shape, and other scripts."""

    parts: tuple[str, ...] = ()
    other_script: bool = False


def taken_out(idea: str) -> TakenOut:
    """What an idea's drafts leave out of it."""
    line = " ".join(idea.split())
    _, parts = without_syntax(line)
    return TakenOut(tuple(parts), bool(_OTHER_SCRIPT.search(line)))


def named_ratio(idea: str) -> str:
    """The aspect ratio that an idea names, such as `16:9`; empty where it names none, or several."""
    line = " ".join(idea.split())
    found = {match[1] for match in _FLAG_RATIO.finditer(line)}
    for text in QUOTED.split(line)[::2]:
        found |= {match[1] for shape in _RATIOS for match in shape.finditer(text)}
    return found.pop() if len(found) == 1 else ""


def without_syntax(text: str) -> tuple[str, list[str]]:
    """The text without what tools read as syntax or as its shape, and the parts that were."""
    parts: list[str] = []
    for pattern, stays in _SYNTAX:
        parts += [found[0].strip() for found in re.finditer(pattern, text)]
        text = re.sub(pattern, stays, text)
    if not _MAY_BE_RATIO.search(text):
        return text, parts
    pieces = QUOTED.split(text)
    for number in range(0, len(pieces), 2):
        for shape in _RATIOS:
            parts += [found[0].strip(" ,;") for found in shape.finditer(pieces[number])]
            pieces[number] = shape.sub(" ", pieces[number])
    return "".join(pieces), parts


def excluded(idea: str) -> list[str]:
    """What an idea says must stay away: behind `--no`, or in a part of its own (`no people`)."""
    line = " ".join(idea.split())
    named = [each for found in _NO.findall(line) for each in found.split(",")]
    named += _DENIED.findall(phrase(idea))
    return [name for each in named if (name := each.strip().lower())]


def not_shown(names: str, idea: str, *, moves_camera: bool) -> list[str]:
    """Those of the names between commas that an idea does not show, in whatever form of its words."""
    shown = _stems(idea)
    banned = {name for entries, by in _TOPICS if shown & _stems(by) for name in entries.split(", ")}
    if QUOTED.search(idea):
        banned.update(_LETTERING.split(", "))
    if moves_camera:
        banned.update(_CAMERA.split(", "))
    return [
        name
        for part in names.split(",")
        if (name := part.strip()) not in banned
        and not _stems(" ".join(w for w in _words(name) if w not in _CARRIERS)) <= shown
    ]


@lru_cache(maxsize=256)
def _stems(text: str) -> frozenset[str]:
    from callsheet.fidelity.vocabulary import stem_of

    return frozenset(stem_of(word) for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def phrase(text: object) -> str:
    """A text as part of a sentence: one line, without prompt syntax and final full stop."""
    whole, before = " ".join(str(text or "").split()), ""
    while whole != before:
        before, bare = whole, re.sub(r"--+|::+|[()\[\]{}<>]", " ", without_syntax(whole)[0])
        words = re.sub(r" (?=[,.;:])", "", " ".join(bare.split()))
        whole = re.sub(r"(?:,\s*)+,", ",", words).strip(" ,")
        whole = whole.rstrip(" .,;:!?…\u3002\u3001\uff01\uff1f")
    return whole


def opening(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def affirmed(text: object) -> str:
    """A text without its parts between commas that say `no …`, for models with a negative."""
    return _DENIED.sub("", phrase(text)).strip(" ,") or phrase(text)


def positive(text: object) -> str:
    """A text that says `deserted` for `no people`, for models that draw whatever is named."""
    bare = phrase(text)
    return re.sub(
        r"(?i)(^|, )(?:no|without(?: any)?) (?:people|persons|humans)(?=[,.;]|$)",
        r"\1deserted",
        bare,
    )


def tags(text: object) -> str:
    """A text as tags: in small letters but for lettering, in Latin script, without articles."""
    pieces = QUOTED.split(_OTHER_SCRIPT.sub(" ", phrase(text)))
    kept = (piece if number % 2 else piece.lower() for number, piece in enumerate(pieces))
    bare = re.sub(r"[\"\u201c]\s*[\"\u201d]", "", "".join(kept))
    parts = re.split(r",|(?<=\w)[.;:] ", bare)
    return ", ".join(tag for part in parts if (tag := _tag(part)))


def _tag(part: str) -> str:
    tag = " ".join(part.split()).strip(" :;.")
    several = re.search(r" and (?:an?|the) ", tag)
    return tag if several else re.sub(r"^(?:and |with |an? |the )+", "", tag)


def weighted_tags(text: object) -> str:
    """The same for tools that read weights, which stay: `(rain:1.2)`."""
    pieces = re.split(rf"({_WEIGHT})", str(text or ""))
    kept = (
        _OTHER_SCRIPT.sub("", piece) if number % 2 else tags(piece)
        for number, piece in enumerate(pieces)
    )
    return " ".join(piece for piece in kept if piece.strip()).replace(" ,", ",")


def people_tags(idea: object) -> str:
    """How many women and men an idea names, in the tags of picture boards: `1girl, adult woman`."""
    found: dict[str, str] = {}
    for number, name in _PEOPLE.findall(phrase(idea).lower()):
        kind, adult = ("girl", "woman") if name[0] in "wgl" else ("boy", "man")
        one = name in ("woman", "girl", "lady", "man", "boy")
        many = f"{_NUMBERS.get(number, number)}{kind}s" if number else f"multiple {kind}s"
        grown = "" if name[0] in "gb" else f", adult {adult if one else f'{adult[:-2]}en'}"
        found.setdefault(kind, (f"1{kind}" if one else many) + grown)
    return ", ".join(found.values())


def tag_list(text: str) -> str:
    """A list of tags without repeated and empty ones."""
    found: dict[str, str] = {}
    for part in text.split(","):
        if tag := " ".join(part.split()):
            found.setdefault(tag.lower(), tag)
    return ", ".join(found.values())
