"""What drafts say of an idea: its sentence, its clip or motion, and what its negative may ban."""

from __future__ import annotations

import re

from callsheet.idea_text import (
    affirmed,
    excluded,
    not_shown,
    opening,
    people_tags,
    phrase,
    positive,
    tag_list,
    tags,
    weighted_tags,
)

_EVENTS = frozenset(
    """run jump leap dance duel fight chase fly soar glide swim dive ride drive sail row climb crawl skate surf
    ski carve race gallop charge throw toss catch kick hit strike punch swing spin twirl whirl turn roll slide
    slip tumble drop crash explode burst erupt break shatter splash pour shake wave clap cheer laugh cry shout
    sing play knead stir juggle dig push pull lift carry drag haul hoist open close enter leave arrive cross pass
    rush hurry sprint march stride walk stroll circle wheel flap flutter scatter swoop pounce scurry scamper hop
    skip bounce flip wrestle shoot launch land unfold transform emerge hug embrace kiss greet nod bow kneel sneak
    grab feed brush scrub repair sew knit weave hammer chop slice blow howl bark roar lick eat bite drink unwrap
    crumble collapse topple smash swirl spiral accelerate skid drift zoom cut bring take give show raise lower
    lead follow lunge stumble trip dodge paddle pedal stomp tear share appear vanish wander dash reach""".split()  # noqa: SIM905
)
_STATES = frozenset(
    """sit stand lie rest sleep doze nap look gaze stare watch peer read write paint draw wait hang lean float
    hover sway flicker glow shine gleam glimmer sparkle breathe smile grin frown listen dream hold wear perch
    crouch squat blink tremble rustle ripple shimmer fall bloom grow melt simmer burn smoke steam drip flow
    trickle stream cook bake mend polish check study think hum purr graze ripen cling rise sink""".split()  # noqa: SIM905
)
"""What somebody or something does: an event, or what may go on for ever."""

_ALSO_NOUNS = frozenset(
    """wave drop play ride race walk fight fall turn roll slide catch kick hit strike punch spin break splash
    march circle wheel flip land bow brush cut slice cross pass drink bite fly row ski stream smoke steam burn
    rest look watch stand hold study draw paint drift glow shine sway charge swing ring push pull lift share
    hammer chop blow bark shake spiral trip tear lead show""".split()  # noqa: SIM905
)

_FOREIGN = re.compile(
    r"(?i)\b(?:el|los|las|una?|der|die|das|eine?[nmr]?|les|des|du|il|lo|gli|di|che|y|und|et|est|os|uma?|een|het)\b"
)

_HOW = r"(?:(?:very|an?|the|slow|slowly|smooth|steady|fast|quick|quickly|gentle|gently|long)\s+)*"
_TO = r"(?:\s+(?:towards?|around|along|over|past|of|on|onto|across|to|through|from|behind))?\s*"
_START = r"(?:^|(?<=[,.;:])\s*|(?<=\bwith )|(?<=\bin )|(?<=\band ))"
_MOVES = (
    r"(?:push|pull|pan|tilt|truck|crane|pedestal|track|orbit|arc|dolly|zoom)(?:s|es|ing|ning)?[ -]"
    r"(?:in|out|up|down|left|right|back|forward|around|shot)\b|(?:dolly|zoom)\b"
    r"|(?:tracking|follow|dolly|orbiting) shot\b|handheld (?:shot|camera)\b"
)
_VIEWS = r"(?:drone|aerial|crane|bird's[- ]eye) (?:shot|view)\b"
_REST = r"(?:static|locked(?:[- ]off)?|fixed) (?:camera|shot|frame)\b"
_CAMERA = re.compile(
    rf"(?i){_START}(?P<move>{_HOW}(?:{_MOVES}|{_VIEWS}|{_REST})(?:\s+to (?:reveal|show)\b[^,.;:]*)?){_TO}"
    r"|(?:\b(?:and|as|while)\s+)?\b(?:the\s+)?(?P<clause>camera\s+(?:\w+ly\s+)?(?:pan|tilt|push|pull|track|follow|circle"
    r"|orbit|glide|drift|move|rise|dolly|dollie|zoom|crane)(?:s|es)\b[^,.;:]*?)(?=[,.;:]|\s(?:as|while|and)\s|$)"
)
_LEAD = re.compile(
    r"(?i)^(?:(?:an?|the|extreme|wide|medium|macro|close) )*"
    r"(?:(?:product|studio|press|stock) )?(?:close-up|shot|view|portrait|photo|photograph|picture|image|page) of "
)
_MEDIUM = re.compile(
    r"(?i)^\s*(?:(?:as|in) )?(?:[\w-]+ ){0,3}(?:logo|icon|emblem|wordmark|poster|pattern|diagram|infographic|sticker|blueprint"
    r"|photo|photograph|photography|watercolou?r|oil painting|gouache|charcoal|pencil (?:drawing|sketch)|sketch|woodcut"
    r"|linocut|engraving|pixel art|3d render|render|claymation|stop[- ]motion|collage|mosaic|comic|picture book(?: page)?"
    r"|product shot|packshot)(?= of\b| for\b| with\b| style\b|\s*$)"
)
"""A medium that an idea names for itself, at the beginning of one of its parts."""

_COMMANDS = (
    ("Static shot", r"static|locked|fixed"),
    ("Push in", r"push|dolly(?:ing)?(?:[ -](?:in|forward)|$)|dollies"),
    ("Pull out", r"pull|dolly[ -](?:out|back)"),
    ("Zoom out", r"zoom\w*[ -]out"),
    ("Zoom in", r"zoom"),
    ("Pan left", r"pan\w*[ -]left"),
    ("Pan right", r"pan\w*[ -]right"),
    ("Tilt down", r"tilt\w*[ -]down"),
    ("Tilt up", r"tilt\w*[ -]up"),
    ("Truck left", r"truck\w*[ -]left"),
    ("Truck right", r"truck\w*[ -]right"),
    ("Pedestal down", r"(?:pedestal|crane)\w*[ -]down"),
    ("Pedestal up", r"(?:pedestal|crane)\w*[ -]up"),
    ("Shake", r"handheld"),
    ("Tracking shot", r"track|follow|orbit|circl|\barc"),
)
"""The camera commands that MiniMax documents, and the words of an idea that say the same."""

_PLACES = frozenset(
    """in on at by with under over behind beside near through across from to into onto while as where who
    that which during against before after around of down up along inside between towards toward past above below atop among beneath outside""".split()  # noqa: SIM905
)
_NO_SUBJECT = _PLACES | frozenset(
    """a an the and or his her its their my our your this that these those one two three four five six no
    very more""".split()  # noqa: SIM905
)
_FOLLOW = _NO_SUBJECT | frozenset("him it them each everything together out off away back".split())  # noqa: SIM905
_MANY = frozenset("they we you i people men women children geese mice fish sheep".split())  # noqa: SIM905
_AFTER_GEAR = frozenset(
    """shoe shoes machine track board room pool hall boat boats chair table water light star sun glass bag
    cart wheel stone stones door lights""".split()  # noqa: SIM905
)
"""After a word in -ing they make a thing of it: a running shoe, a fishing boat."""

_REST_WORDS = "static camera, locked frame"

_TIMELAPSE = re.compile(r"(?i)\b(?:time-?lapse|hyperlapse|slow[- ]motion)\b")
_AT_START = re.compile(r"^(?:A|An|The|She|He|It|They|His|Her|Their)\b")

_LIGHT = frozenset(
    """a an and as at by for from her his in into it its of on or the their them to towards toward two under
    while who with no one over out off up through that this these those""".split()  # noqa: SIM905
)
"""Words without content of their own."""

_MOST_CUT, _MOST_WORDS, _MOST_CONTENT, _MOST_REPEATED, _LONGEST_COPY = 40, 7, 9, 0.65, 8
"""Words of a cut motion; content words, their share and words on end that are no copy of a still's prompt."""

_FEWEST_WORDS, _FEWEST_CHARACTERS = 5, 20


def shown(idea: object, *others: object) -> str:
    """An idea as the sentence of a prompt, as long as a prompt must be with the texts beside it."""
    bare = phrase(idea)
    whole = " ".join([bare, *map(phrase, others)])
    if len(re.findall(r"\w+", whole)) >= _FEWEST_WORDS and len(whole) >= _FEWEST_CHARACTERS:
        return opening(bare)
    if find_verb(_tokens(bare)) is not None:
        return f"The picture shows how {bare[:1].lower()}{bare[1:]}"
    if re.match(r"(?i)(?:an?|the|two|three|four|five|\d+) ", bare):
        return f"The picture shows {bare[:1].lower()}{bare[1:]}"
    return f"The picture's subject: {bare}"


def allowed(names: str, idea: object, *others: object) -> str:
    """A list of what must stay away: without what idea and others show, with what the idea excludes."""
    whole = " ".join(map(phrase, (idea, *others)))
    kept = not_shown(names, whole, moves_camera=moves_camera(idea))
    return ", ".join(dict.fromkeys([*kept, *excluded(str(idea or ""))]))


def yielding_defaults(idea: str) -> list[str]:
    """The fields of a brief whose defaults contradict an idea: its medium is named, or it is no calm scene."""
    if any(_MEDIUM.search(part) for part in re.split(r"[,:.]", phrase(idea))):
        return ["aesthetic", "mood"]
    return ["mood"] if find_verb(_tokens(phrase(idea)), _EVENTS) is not None else []


# The camera, and what moves.


def camera(idea: object) -> str:
    """The camera move, view or rest that an idea names, in its own words; empty where it names none."""
    return _without_camera(phrase(idea))[0]


def moves_camera(idea: object) -> bool:
    """Whether an idea names a camera move."""
    named = camera(idea)
    return bool(named) and re.search(rf"(?i){_REST}", named) is None


def lively(idea: object) -> bool:
    """Whether an idea names an event or a camera move, for which a calm loop is wrong."""
    text = phrase(idea)
    event = find_verb(_tokens(text), _EVENTS) is not None or _TIMELAPSE.search(text) is not None
    return event or moves_camera(idea)


def clip(idea: object, still: object = None, mood: object = "", *, resting: bool = False) -> str:
    """An idea as a clip: whole, or for the prompt of a still what moves in it; its camera first.

    For an event the camera is left open, unless the model must be told how it is: then it is
    `resting`. The mood is what the prompt adds to it.
    """
    free = lively(idea) and not resting
    label = camera(idea) or ("one continuous shot" if free else _REST_WORDS)
    if still:
        moving = motion(idea, still, f"{label} {phrase(mood)}")
        return f"{opening(_definite(label))}: {moving}"
    whole = opening(phrase(idea))
    return whole if camera(idea) else f"{opening(label)}. {whole}"


def commanded(idea: object, still: object = None, mood: object = "") -> str:
    """A clip that begins with the one of MiniMax's camera commands that says what the idea does."""
    named = camera(idea).lower()
    exact = next((name for name, words in _COMMANDS if re.search(words, named)), "")
    command = (exact or "Tracking shot") if named else "Static shot"
    text = motion(idea, still, f"{command} {phrase(mood)}") if exact or still else phrase(idea)
    short = len(re.findall(r"\w+", text)) < _FEWEST_WORDS - 2
    return f"[{command}] {f'One continuous shot: {text}' if short else opening(text)}"


def motion(idea: object, still: object = None, beside: str = "") -> str:
    """An idea without its camera; for the prompt of a still its subject and what it does there.

    `beside` is what else the prompt says: with it, it must not repeat what the still's prompt says.
    """
    rest = _AT_START.sub(lambda found: found[0].lower(), _without_camera(phrase(idea))[1])
    if not still:
        return rest
    bare, given = _acting(_LEAD.sub("", rest)), (str(still), f"{camera(idea)} {beside}")
    if find_verb(_tokens(bare)) is None:
        short = re.sub(r"^[Aa]n? (?=\w)", "the ", _subject(bare))
        calm = "" if lively(idea) else ", barely moving"
        tails = [f"the {' '.join(short.split()[-most:])}" for most in (3, 2, 1)]
        names = [_cut(short, given[0], "")] if _FOREIGN.search(short) else tails
        parts = (f"{part}{calm}" for part in (short, _definite(short), *names))
        return next((part for part in parts if not _repeats(part, *given)), f"{names[-1]}{calm}")
    whole = _definite(bare)
    return _cut(_reduced(bare), *given) if _repeats(whole, *given) else whole


def _acting(text: str) -> str:
    """A text without the medium that stands before a colon, where somebody acts behind it."""
    medium, _, told = text.partition(": ")
    acts = told and find_verb(_tokens(told)) is not None
    return told if acts and _MEDIUM.search(medium) else text


def _without_camera(text: str) -> tuple[str, str]:
    """The camera's words in a text, and the text without them."""
    found = _CAMERA.search(text)
    if found is None:
        return "", text
    named = re.sub(r"(?i)^(?:an?|the) ", "", (found["move"] or found["clause"]).strip())
    before = re.sub(r"(?i)[ ,;]*\b(?:with|in|and)? ?$", "", text[: found.start()])
    after = re.sub(r"(?i)^[ ,;.:]*(?:(?:as|while|and) )?", "", text[found.end() :])
    rest = ", ".join(part for part in (before.strip(" ,;"), after.strip(" ,;")) if part)
    return named, rest or text


def _definite(text: str) -> str:
    """An English text about things that a still shows: `the bus` for `a bus`."""
    if _FOREIGN.search(text):
        return text
    return re.sub(
        r"\b(?:([Aa])n?) (?=\w)", lambda found: "The " if found[1] == "A" else "the ", text
    )


def _reduced(text: str) -> str:
    """The subject of a text with what it does: `the boy jumps into the puddle`."""
    clauses = [each.strip() for each in re.split(r"[.;:\n]|, | while | as ", text) if each.strip()]
    verbs = (
        (clause, find_verb(_tokens(clause), kinds))
        for kinds in (_EVENTS, None)
        for clause in clauses
    )
    acting = next(((clause, at) for clause, at in verbs if at is not None), None)
    if acting is None:
        return _definite(_subject(text))
    clause, at = acting
    words = clause.split()
    told = " ".join([*(_subject(" ".join(words[:at])).split()), *words[at:]])
    first = _subject(clauses[0])
    apart = clause is not clauses[0] and first.split()[-1] not in told
    return _definite(f"{first}, {told}" if apart else told)


def _subject(text: str) -> str:
    """Whom or what a text shows: its beginning, up to its act or place."""
    words = re.split(r"[,.;:!?\n]", text.strip(), maxsplit=1)[0].split()
    at = find_verb(_tokens(" ".join(words)))
    words = words[:at] if at else words
    end = next((n for n, word in enumerate(words) if n and word.lower() in _PLACES - {"of"}), None)
    return " ".join(words[:end]) or text


def _cut(text: str, still: str, beside: str) -> str:
    """As much of a text as does not say the prompt of a still again, up to the end of a part."""
    words = text.split()[:_MOST_CUT]
    ends = [
        *(at for at in range(len(words) - 1, 1, -1) if words[at].lower() in _PLACES - {"of"}),
        *(min(at, len(words)) for at in range(_MOST_WORDS, 0, -1)),
    ]
    parts = (" ".join(words[:end]).rstrip(" ,;:") for end in [len(words), *ends])
    whole = (part for part in parts if part.split()[-1].lower() not in _NO_SUBJECT or part == text)
    return next((part for part in whole if not _repeats(part, still, beside)), _subject(text))


def _repeats(text: str, still: str, beside: str) -> bool:
    """Whether a motion, with what stands beside it, says again what the prompt of its still says."""
    words, others, theirs = (
        re.findall(r"[^\W\d_]+", each.lower()) for each in (text, beside, still)
    )
    content = {word for word in (*words, *others) if word not in _LIGHT}
    if len(content) > _MOST_CONTENT and len(content & {*theirs}) > len(content) * _MOST_REPEATED:
        return True
    return not _runs(words).isdisjoint(_runs(theirs))


def _runs(words: list[str]) -> set[str]:
    starts = range(len(words) - _LONGEST_COPY + 1)
    return {" ".join(words[at : at + _LONGEST_COPY]) for at in starts}


def _tokens(text: str) -> list[str]:
    """The words of a text in small letters; those of lettering are empty."""
    found, quoted = [], False
    for word in text.split():
        opens = word.startswith(('"', "\u201c"))
        closes = word.rstrip(",.;:!?").endswith(('"', "\u201d"))
        found.append("" if quoted or opens else word.strip(",.;:!?\"'()").lower())
        quoted = (quoted or opens) and not closes
    return found


def find_verb(words: list[str], kinds: frozenset[str] | None = None) -> int | None:
    """Where a text says what somebody does, by a list of verbs; None where it does not."""
    known = kinds or _EVENTS | _STATES
    return next((at for at, word in enumerate(words) if _is_verb(words, at, word, known)), None)


def _is_verb(words: list[str], at: int, word: str, known: frozenset[str]) -> bool:
    before = words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else "it"
    if word.endswith("ing"):
        bases = {word[:-3], f"{word[:-3]}e", word[:-4] if word[-5:-4] == word[-4:-3] else ""}
        return (
            bool(bases & known)
            and after not in _AFTER_GEAR
            and before not in _NO_SUBJECT - {"and", "while"}
        )
    if not at or (before in _NO_SUBJECT and before not in _MANY):
        return False
    base = word if word in known else _base(word)
    if base not in known or (base in _ALSO_NOUNS and after not in _FOLLOW):
        return False
    plural = before in _MANY or (before.endswith("s") and not before.endswith(("ss", "'s")))
    return word != base or plural or (at > 1 and "and" in words[: at - 1])


def _base(word: str) -> str:
    """`jump` for `jumps`, `carry` for `carries`."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    short = (
        word.removesuffix("es") if word.endswith(("shes", "ches", "sses", "xes", "zes")) else word
    )
    return short.removesuffix("s") if short == word else short


def after(text: str, before: str) -> str:
    """The text with these words before it; nothing where there is no text."""
    return f"{before}{text}" if text else ""


FILTERS = (
    *(
        shown,
        affirmed,
        positive,
        tags,
        weighted_tags,
        people_tags,
        tag_list,
        allowed,
        camera,
        lively,
    ),
    *(clip, commanded, motion, after),
)
"""What drafts may call beside the filters of every template."""
