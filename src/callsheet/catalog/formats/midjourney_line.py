"""A Midjourney line: text first, then parameters; and which parameters each version reads.

From Midjourney's Version, Parameter List and Aspect Ratio pages as audits quote them (B: pages
edited 2026-09-01, read 2026-09-23). `?` where those pages disagree or say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Takes = Literal["nothing", "integer", "number", "ratio", "words", "one of", "reference", "code"]

FAMILIES = ("V6", "V7", "V8", "niji 6", "niji 7")

VERSIONS: Mapping[str, str] = {"6": "V6", "6.1": "V6", "7": "V7", "8.1": "V8", "8.2": "V8"}
NIJI: Mapping[str, str] = {"6": "niji 6", "7": "niji 7"}

NEWEST = "V8"
"""What a line without a version is drawn with, since 2026-07-24."""

_MARK = re.compile(r"(?:^|(?<=\s))--([A-Za-z]+)")


@dataclass(frozen=True)
class Flag:
    """A parameter: what it takes, and which version families accept it (y, n or ?, in their order)."""

    takes: Takes
    read: str
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    def in_family(self, family: str) -> str:
        """`y`, `n` or `?`."""
        return self.read[FAMILIES.index(family)]


FLAGS: Mapping[str, Flag] = {
    "ar": Flag("ratio", "yyyyy"),
    "s": Flag("integer", "yyyyy", 0, 1000),
    "c": Flag("integer", "yyyyy", 0, 100),
    "w": Flag("integer", "yyy??", 0, 3000),
    "no": Flag("words", "yyyyy"),
    "raw": Flag("nothing", "yyy??"),
    "seed": Flag("integer", "yyyyy", 0, 4_294_967_295),
    "tile": Flag("nothing", "yy???"),
    "iw": Flag("number", "yyyyy", 0, 3),
    "sref": Flag("reference", "yyyyy"),
    "sw": Flag("integer", "yyyyy", 0, 1000),
    "sv": Flag("one of", "yy???", choices=("1", "2", "3", "4", "6")),
    "cref": Flag("reference", "ynnyn"),
    "cw": Flag("integer", "ynnyn", 0, 100),
    "oref": Flag("reference", "nynnn"),
    "ow": Flag("integer", "nynnn", 1, 1000),
    "q": Flag("one of", "yyn??", choices=(".25", "0.25", ".5", "0.5", "1", "2", "4")),
    "exp": Flag("integer", "ny???", 0, 100),
    "draft": Flag("nothing", "ny???"),
    "turbo": Flag("nothing", "ny???"),
    "hd": Flag("nothing", "nny??"),
    "sd": Flag("nothing", "nny??"),
    "p": Flag("code", "yyy??"),
    "style": Flag("one of", "ynn?n", choices=("raw",)),
    "edit": Flag("reference", "nn?nn"),
}

BY_FAMILY: Mapping[tuple[str, str], Flag] = {
    ("iw", "niji 7"): Flag("number", "yyyyy", 0, 2),
    ("sv", "V6"): Flag("one of", "yy???", choices=("1", "2", "3", "4")),
    ("sv", "V7"): Flag("one of", "yy???", choices=("4", "6")),
    ("q", "V6"): Flag("one of", "yyn??", choices=(".25", "0.25", ".5", "0.5", "1", "2")),
    ("q", "V7"): Flag("one of", "yyn??", choices=("1", "2", "4")),
}
"""Parameters that take other values in one family."""

VIDEO: Mapping[str, Flag] = {
    "motion": Flag("one of", "", choices=("low", "high")),
    "raw": Flag("nothing", ""),
    "loop": Flag("nothing", ""),
    "end": Flag("reference", ""),
    "bs": Flag("one of", "", choices=("1", "2", "4")),
    "video": Flag("nothing", ""),
}

REPEATS = frozenset({"repeat", "r"})

ALIASES: Mapping[str, str] = {
    "aspect": "ar",
    "stylize": "s",
    "chaos": "c",
    "weird": "w",
    "version": "v",
    "quality": "q",
    "profile": "p",
}


@dataclass(frozen=True)
class Given:
    """A parameter in a line: its name as written, and the text up to the next parameter."""

    written: str
    value: str

    @property
    def name(self) -> str:
        """The short name."""
        return ALIASES.get(self.written, self.written)

    def __str__(self) -> str:
        return f"--{self.written} {self.value}".strip()


FIXED: Mapping[str, Given] = {
    "midjourney-8.2": Given("v", "8.2"),
    "niji-7": Given("niji", "7"),
}
"""The version of each format that is for one version alone."""


@dataclass(frozen=True)
class PromptLine:
    """A prompt as Midjourney parses it."""

    text: str
    given: tuple[Given, ...]

    def values(self, name: str) -> list[str]:
        """The values of every parameter of this name."""
        return [given.value for given in self.given if given.name == name]

    def family(self) -> str:
        """The family of the version that renders it."""
        for names, known in (("niji", NIJI), ("v", VERSIONS)):
            for value in self.values(names):
                return known.get(value.split(" ")[0].rstrip(".,;"), NEWEST)
        return NEWEST


def read_line(prompt: str) -> PromptLine:
    """The line's text, and its parameters in order."""
    marks = [*_MARK.finditer(prompt)]
    ends = [*(mark.start() for mark in marks), len(prompt)][1:]
    given = (Given(m[1], prompt[m.end() : end].strip()) for m, end in zip(marks, ends, strict=True))
    return PromptLine(prompt[: marks[0].start()].strip() if marks else prompt.strip(), tuple(given))
