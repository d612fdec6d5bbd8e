"""Corrects what code can correct in a prompt without changing its meaning, at no cost.

Only texts with a named format are changed; what any other text may contain is unknown. A second
pass changes nothing more.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from callsheet.catalog.formats import find_format
from callsheet.catalog.formats.every_prompt import is_wrapped
from callsheet.catalog.formats.format import INDENT, longest_checked
from callsheet.catalog.formats.midjourney_line import (
    ALIASES,
    FIXED,
    FLAGS,
    VIDEO,
    Flag,
    Given,
    PromptLine,
    read_line,
)
from callsheet.catalog.formats.stable_diffusion import SERIES, with_escaped_series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from callsheet.catalog.formats.format import Format

_FENCE = "```"
_LANGUAGE = re.compile(r"\w*[ \t]*\n?")
_BULLET = re.compile(rf"^{INDENT}(?:[*\u2022#>]|-(?!-)|\d+[.)](?!\d))", re.MULTILINE)
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_RATIO = r"(\d+(?:\.\d+)?\s*:\s*\d+(?:\.\d+)?)"
_IN_WORDS = re.compile(
    rf"(?i)(?:,|(?<![\s,]))\s*+\b(?:in (?:an? )?)?(?:aspect[ -]ratio(?: of| is)?:?\s+{_RATIO}"
    rf"|{_RATIO}\s+(?:aspect[ -])?ratio)\b"
)
_RUN_TOGETHER = re.compile(r"(?:(?<=\s)|^)(?:--\s+|[\u2014\u2013]\s?)([A-Za-z]+)(?=\s|$)")
_VERSION = Flag("one of", "")
_STILL: Mapping[str, Flag] = {**FLAGS, "v": _VERSION, "niji": _VERSION}
_PARAMETERS: Mapping[str, Mapping[str, Flag]] = {
    "midjourney-image": _STILL,
    **dict.fromkeys(FIXED, _STILL),
    "midjourney-video": VIDEO,
}
_TAKEN = {"nothing": 0, "integer": 1, "number": 1, "ratio": 1, "one of": 1}
_ENDS = ".,;"

MOST_ROUNDS = 5
"""One correction may make another one possible; this bounds how often."""


def autofix(text: str, schema_node: Mapping[str, JsonValue]) -> str:
    """The text corrected to its format, as far as that needs no judgement."""
    name = schema_node.get("format")
    named = find_format(name) if isinstance(name, str) else None
    if named is None or len(text) > longest_checked(schema_node):
        return text
    for _ in range(MOST_ROUNDS):
        fixed_text = _fix_once(text, named)
        if fixed_text == text:
            break
        text = fixed_text
    return text


def _fix_once(text: str, named: Format) -> str:
    fixed_text = _unwrapped(text)
    one_line = any(rule.name == "line break" for rule in named.rules)
    if one_line and not _BULLET.search(fixed_text):
        fixed_text = " ".join(fixed_text.strip("\r\n").splitlines())
    fixed_text = _SPACES.sub(" ", fixed_text)
    if any(rule is SERIES for rule in named.rules):
        fixed_text = with_escaped_series(fixed_text)
    if named.mend is not None:
        fixed_text = named.mend(fixed_text)
    if named.name not in _PARAMETERS:
        return fixed_text
    return _fix_line(fixed_text, _PARAMETERS[named.name], named.name)


def autofix_all(value: JsonValue, schema: Mapping[str, JsonValue]) -> JsonValue:
    """The value with every text corrected that has a format in the schema."""
    return _fix_value(value, dict(schema), schema)


def _fix_value(value: JsonValue, node: JsonValue, root: Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        definitions = root.get("$defs")
        name = str(node["$ref"]).removeprefix("#/$defs/")
        node = definitions.get(name) if isinstance(definitions, dict) else None
    if not isinstance(node, dict):
        return value
    if isinstance(value, str):
        return autofix(value, node)
    properties = node.get("properties")
    if isinstance(value, dict) and isinstance(properties, dict):
        return {name: _fix_value(item, properties.get(name), root) for name, item in value.items()}
    return value


def _unwrapped(text: str) -> str:
    bare = text
    while is_wrapped(bare):
        bare = bare.strip()
        if not bare.startswith(_FENCE):
            bare = bare[1:-1].strip()
            continue
        inner = bare[len(_FENCE) : -len(_FENCE)]
        if len(bare) < 2 * len(_FENCE) or not bare.endswith(_FENCE) or _FENCE in inner:
            break
        bare = _LANGUAGE.sub("", inner, count=1).strip()
    return bare


def _fix_line(prompt: str, known: Mapping[str, Flag], name: str) -> str:
    """The line with its text first, then each parameter once, and nothing after them."""
    names = {*known, *(long for long, short in ALIASES.items() if short in known)}

    def joined(found: re.Match[str]) -> str:
        return f"--{found[1]}" if found[1] in names else found[0]

    line = read_line(_RUN_TOGETHER.sub(joined, prompt))
    if any(given.name not in known for given in line.given):
        # It is unknown where the value of an unknown parameter ends.
        return prompt
    texts, kept = [line.text], dict[str, Given]()
    for given in line.given:
        parts = _parted(given, known[given.name])
        if parts is None:
            return prompt
        own, rest = parts
        texts.append(rest)
        kept.setdefault(str(own), own)
    fixed_text = PromptLine(" ".join(text for text in texts if text), tuple(kept.values()))
    if known is _STILL:
        fixed_text = _versioned(_ratio_as_parameter(fixed_text), FIXED.get(name))
    return " ".join([fixed_text.text, *map(str, fixed_text.given)]).strip()


def _versioned(line: PromptLine, fixed: Given | None) -> PromptLine:
    """The line with its format's only version added after the ratio, where it names none."""
    if fixed is None or line.values("v") or line.values("niji"):
        return line
    place = next((n + 1 for n, each in enumerate(line.given) if each.name == "ar"), 0)
    return PromptLine(line.text, (*line.given[:place], fixed, *line.given[place:]))


def _parted(given: Given, flag: Flag) -> tuple[Given, str] | None:
    """A parameter with its own value, and the text that followed it; None where that is unclear."""
    words = given.value.split()
    most = _TAKEN.get(flag.takes, len(words))
    value, rest = " ".join(words[:most]), " ".join(words[most:])
    if not rest.strip(_ENDS + " "):
        rest = ""
    elif not rest[:1].isalnum():
        # After a comma it may or may not belong to the text.
        return None
    if flag.takes != "reference":
        value = value.rstrip(_ENDS + " ")
    if flag.takes == "ratio":
        value = _whole(value)
    return Given(given.written, value), rest


def _whole(ratio: str) -> str:
    """A ratio in whole numbers: 1.85:1 is 37:20."""
    across, _, down = ratio.partition(":")
    if "." not in ratio:
        return ratio
    try:
        exact = Fraction(across.strip()) / Fraction(down.strip())
    except (ValueError, ZeroDivisionError):
        return ratio
    return f"{exact.numerator}:{exact.denominator}"


def _ratio_as_parameter(line: PromptLine) -> PromptLine:
    """The line with a ratio given in words replaced by `--ar`, where the two agree."""
    found = [*_IN_WORDS.finditer(line.text)]
    ratios = {_whole("".join((match[1] or match[2]).split())) for match in found}
    given = line.values("ar")
    if len(ratios) != 1 or (given and set(given) != ratios):
        return line
    text = _SPACES.sub(" ", _IN_WORDS.sub("", line.text)).strip()
    if given:
        return PromptLine(text, line.given)
    return PromptLine(text, (Given("ar", ratios.pop()), *line.given))
