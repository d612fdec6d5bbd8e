"""Rules for Midjourney image prompts: text first, then parameters that the version accepts."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from callsheet.catalog.formats import every_prompt
from callsheet.catalog.formats.banned import BANNED, banned
from callsheet.catalog.formats.format import INDENT, NUMBER, Format, Rule, shown
from callsheet.catalog.formats.midjourney_line import (
    BY_FAMILY,
    FIXED,
    FLAGS,
    NIJI,
    REPEATS,
    VERSIONS,
    VIDEO,
    Given,
    PromptLine,
    read_line,
)
from callsheet.catalog.formats.midjourney_parameters import WIDEST_HD, value_faults, wideness
from callsheet.catalog.formats.plain_text import (
    EXCLUSION_IN_TEXT,
    LINE,
    NO_FIELD,
    SLOGAN,
    exclusions,
    line_breaks,
    no_field,
    slogans,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.formats.format import Fault

_LIST = "Midjourney's Parameter List, as audits quote it"
_CHART = "Midjourney's Version page (edited 2026-09-01), as audits quote it"
_READ = "2026-09-23"

ORDER_RULE = Rule("order", "The text first, then the parameters.", _LIST, _READ, "B")
SPACING_RULE = Rule("spacing", "One space before each `--`, none after it.", _LIST, _READ, "B")
TRAILING_TEXT_RULE = Rule(
    "after", "Nothing behind a value but the next parameter.", _LIST, _READ, "B"
)
VALUE_RULE = Rule("value", "Each value within its parameter's bounds.", _LIST, _READ, "B")
DUPLICATE_RULE = Rule("twice", "Each parameter once.", _LIST, _READ, "B")
COLONS_RULE = Rule(
    "double colon", "No `::` where the version has no multi-prompts (V7, V8).", _CHART, _READ, "B"
)
WEIGHT_RULE = Rule("weight", "No bracket weights `(rain:1.2)`.", _LIST, _READ, "B")

EXPORT_FORMS = ("midjourney",)
"""The export that such a line is ready for."""

LONGEST = 150
"""Words of text."""

_WEIGHT = re.compile(rf"\([^()]*:\s*{NUMBER}\s*\)")
_LABEL = re.compile(
    rf"(?:^|[.\n]){INDENT}(Subject|Setting|Light(?:ing)?|Palette|Medium|Composition|Mood|Style):\s"
)
_TIGHT = re.compile(
    r"[^\s-]--[A-Za-z]+|--\s+[A-Za-z]|\S[ \t]{2,}--[A-Za-z]|(?:^|\s)[\u2014\u2013]\w+"
)

RULES = (
    *every_prompt.RULES,
    LINE,
    ORDER_RULE,
    SPACING_RULE,
    TRAILING_TEXT_RULE,
    VALUE_RULE,
    DUPLICATE_RULE,
    COLONS_RULE,
    WEIGHT_RULE,
    EXCLUSION_IN_TEXT,
    BANNED,
    NO_FIELD,
    Rule("flag", "Only the parameters that the version reads.", _CHART, _READ, "B"),
    Rule("version", "A version that exists, and never `--v` beside `--niji`.", _CHART, _READ, "B"),
    Rule("ratio", "`--ar` in whole numbers, at most 14:1 (4:1 with `--hd`).", "Midjourney's Aspect Ratio page, as audits quote it", _READ, "B"),
    Rule("no list", "Single words in `--no`, commas between them.", "Midjourney's No page, as audits quote it", _READ, "B"),
    Rule("unconfirmed", "No parameter that the vendor's pages leave open for the version.", _CHART, _READ, "?"),
    Rule("label", "No labels in front of the layers: there are no sections.", "prompt guides", "2026-11-22", "C"),
    Rule("long", f"At most {LONGEST} words of text.", "prompt guides; the vendor names no limit", "2026-11-22", "C"),
    SLOGAN,
)  # fmt: skip


def spacing(prompt: str) -> Iterator[Fault]:
    """Parameters without the spaces that they need."""
    for found in _TIGHT.finditer(prompt):
        yield (
            "spacing",
            f"has {shown(found[0])}; one space before each `--` and none after it is right",
        )


def weights(text: str) -> Iterator[Fault]:
    """Bracket weights, which Midjourney does not support."""
    for found in _WEIGHT.finditer(text):
        yield "weight", f"has the bracket weight {shown(found[0])}; say it earlier instead"


def arrangement(line: PromptLine) -> Iterator[Fault]:
    """Parameters in the wrong place, and duplicates."""
    if line.given and not line.text:
        yield "order", "begins with parameters; the text stands first"
    for name, count in Counter(given.name for given in line.given).items():
        if count > 1:
            yield "twice", f"has `--{name}` {count} times; once is right"


def _judge(prompt: str, fixed: Given | None = None) -> Iterator[Fault]:
    line = read_line(prompt)
    family = PromptLine("", (fixed,)).family() if fixed else line.family()
    if fixed:
        yield from _other_version(line, fixed)
        if not line.values("ar"):
            yield "no ratio", "has no `--ar`; without it every picture is square"
    yield from every_prompt.faults(prompt)
    yield from line_breaks(prompt)
    yield from spacing(prompt)
    yield from weights(prompt)
    yield from arrangement(line)
    # Of a format for one version, any other one is a single fault.
    yield from (fault for fault in _versions(line) if not fixed or fault[0] != "version")
    if "::" in prompt:
        yield from _colons(family)
    for given in line.given:
        yield from _flag(given, family)
    if line.values("hd") and any(wideness(ratio) > WIDEST_HD for ratio in line.values("ar")):
        yield "ratio", f"is wider than {WIDEST_HD}:1, the most that `--hd` draws"
    for unwanted in line.values("no"):
        for entry in banned(unwanted, line.text):
            yield "banned", f"bans {shown(entry)}, which the text shows; take it out"
    yield from _text(line.text)


def _versions(line: PromptLine) -> Iterator[Fault]:
    versions, niji = line.values("v"), line.values("niji")
    if versions and niji:
        yield "version", "has `--v` and `--niji`; one of them is right"
    for name, values, known in (("v", versions, VERSIONS), ("niji", niji, NIJI)):
        for value in values:
            first, _, rest = value.partition(" ")
            if rest or first.endswith((".", ",", ";")):
                yield (
                    "after",
                    f"has {shown(rest or first[-1])} after `--{name}`; only a parameter may follow",
                )
            if first.rstrip(".,;") not in known:
                yield "version", f"has {shown(f'--{name} {first}')}; there are {', '.join(known)}"


def _other_version(line: PromptLine, fixed: Given) -> Iterator[Fault]:
    """A missing version parameter, or one of another version than the model's."""
    named = [given for given in line.given if given.name in ("v", "niji")]
    if not named:
        yield "version", f"names no version; `{fixed}` is right"
    others = [
        str(given)
        for given in named
        if str(Given(given.name, given.value.split(" ")[0].rstrip(".,;"))) != str(fixed)
    ]
    if others:
        yield "version", f"has {shown(' '.join(others))}; `{fixed}` alone is right"


def _colons(family: str) -> Iterator[Fault]:
    if family in ("V7", "V8"):
        yield "double colon", f"has `::`; {family} has no multi-prompts, one paragraph is right"
    elif family.startswith("niji"):
        yield "unconfirmed", f"has `::`, which is not confirmed for {family}"


def _flag(given: Given, family: str) -> Iterator[Fault]:
    if given.name in ("v", "niji"):
        return
    flag = BY_FAMILY.get((given.name, family), FLAGS.get(given.name))
    if flag is None:
        yield "flag", f"has `--{given.written}`, {_why_not(given)}"
        return
    read = flag.in_family(family)
    if read == "n":
        instead = "; write `--raw`" if given.name == "style" else ""
        yield "flag", f"has `--{given.written}`, which {family} does not read{instead}"
        return
    if read == "?":
        yield "unconfirmed", f"has `--{given.written}`, which is not confirmed for {family}"
    yield from value_faults(given, flag)


def _why_not(given: Given) -> str:
    if given.name in VIDEO:
        return "a parameter of videos"
    if given.name in REPEATS:
        return "which multiplies the jobs that are paid for"
    return "which is no parameter of Midjourney's"


def _text(text: str) -> Iterator[Fault]:
    if (count := len(text.split())) > LONGEST:
        yield "long", f"has {count} words of text; beyond {LONGEST} they thin each other out"
    for found in _LABEL.finditer(text):
        yield "label", f"has the label {shown(found[1] + ':')}; it is drawn or wasted"
    yield from no_field(text)
    yield from exclusions(text)
    yield from slogans(text)


_NO_RATIO = Rule(
    "no ratio",
    "Says its ratio with `--ar`.",
    "Midjourney's Aspect Ratio page, as audits quote it; that it must, is ours",
    _READ,
    "B",
)


def _still(name: str, about: str, fixed: Given) -> Format:
    """The format of a single version, which each prompt must name."""
    own = Rule("version", f"Names its version: `{fixed}`, and no other.", _CHART, _READ, "B")
    rules = (*(own if rule.name == "version" else rule for rule in RULES), _NO_RATIO)
    return Format(
        name, about, rules, lambda prompt: _judge(prompt, fixed), export_forms=EXPORT_FORMS
    )


FORMATS = (
    Format(
        "midjourney-image",
        "A still for Midjourney V6 to V8.2 or niji 6 and 7.",
        RULES,
        _judge,
        export_forms=EXPORT_FORMS,
    ),
    *(_still(name, f"A still for `{fixed}` alone.", fixed) for name, fixed in FIXED.items()),
)
