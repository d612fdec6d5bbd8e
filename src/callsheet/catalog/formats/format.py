"""What a named format consists of: rules with source and date, and a function that finds faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from callsheet.catalog.formats.lettering import MaskedText

if TYPE_CHECKING:
    from callsheet.documents import RuleKind

Severity = Literal["error", "warning"]

Sure = Literal["A", "B", "C", "?", "ours"]
"""A: the vendor's page or code. B: somebody quoting it. C: practice. ?: sources disagree."""

Fault = tuple[str, str]
"""The name of the broken rule, and what is wrong and would be right."""

Judge = Callable[[str], Iterable[Fault]]

Others = Mapping[str, JsonValue]
"""What a prompt may be compared with, by name: `picture` is the prompt of the still it animates."""

NONE: Others = MappingProxyType({})

Compare = Callable[[str, Others], Iterable[Fault]]

NUMBER = r"(?:\d++(?:\.\d++)?|\.\d++)"
"""A pattern of a number. Like every pattern here it takes time in proportion to a text's length."""

INDENT = r"[^\S\n]*+"
"""A pattern of the blanks before a line's first word; `\\s*` would read on at every empty line."""

OURS = "callsheet's own rule"
READ = "2026-11-22"
"""When all sources were last reviewed."""


@dataclass(frozen=True)
class Rule:
    """One rule in words, and how it is known.

    Its kind says whether the maker or the consumer enforces it (`limit`), the maker advises it
    (`form`), or it is callsheet's own (`house`): as `of` says, or else by its source. Only a limit is
    an error. With `warns` a limit is only reported, since the image may not be affected or only a
    person can judge it.
    """

    name: str
    words: str
    source: str = OURS
    date: str = READ
    sure: Sure = "ours"
    warns: bool = False
    of: RuleKind | None = None

    @property
    def kind(self) -> RuleKind:
        if self.of is not None:
            return self.of
        if self.sure == "ours":
            return "house"
        return "form" if self.warns or self.sure in ("C", "?") else "limit"

    @property
    def severity(self) -> Severity:
        return severity_of(self.kind)

    @property
    def known_from(self) -> str:
        """The source with its date."""
        return f"{self.source}, {self.date}"


def severity_of(kind: RuleKind) -> Severity:
    """The severity of a kind of rule: an error is worth a repair call, a warning is only reported."""
    return "error" if kind in ("limit", "idea") else "warning"


@dataclass(frozen=True)
class Format:
    """A named format: what it is for, its rules, and what finds the broken ones in a text.

    `compare` finds faults that only show beside another text.
    `export_forms` names the exports that a text of this form is ready for, and `negative` the format of
    the text beside it, if any, that says what must stay away. `mend` corrects what needs no judgement.
    """

    name: str
    about: str
    rules: tuple[Rule, ...]
    judge: Judge
    compare: Compare | None = None
    export_forms: tuple[str, ...] = ()
    negative: str = ""
    mend: Callable[[str], str] | None = None

    def rule(self, name: str) -> Rule | None:
        """The rule of this name."""
        return next((each for each in self.rules if each.name == name), None)

    def faults(self, text: str, severity: Severity, others: Others = NONE) -> list[Fault]:
        """The faults of this severity, without duplicates."""
        wanted = {rule.name for rule in self.rules if rule.severity == severity}
        found = [*judged(self.judge, text), *(self.compare(text, others) if self.compare else ())]
        return [fault for fault in dict.fromkeys(found) if fault[0] in wanted]


@lru_cache(maxsize=1_024)
def judged(judge: Judge, text: str) -> tuple[Fault, ...]:
    """The faults of a text, cached: a run checks the same text several times."""
    described = MaskedText(text)
    if not described.hides:
        return tuple(judge(text))
    found = [(rule, described.restore(message)) for rule, message in judge(described.text)]
    whole = [fault for fault in judge(text) if fault[0] in OF_LETTERING]
    return (*(fault for fault in found if fault[0] not in OF_LETTERING), *whole)


OF_LETTERING = (
    "safety",
    "clip",
    "long",
    "units",
    "shots",
    "speech",
    "long speech",
    "wrapped",
    "placeholder",
    "layout",
    "caption",
)
"""The rules that lettering and speech in quotation marks are judged by, too; the last two read JSON."""

FAR = 4
"""A text so many times as long as its limit is judged by its length alone."""

LONGEST = 20_000
"""Characters of a text that is checked where its schema has no limit, or a very high one."""


def longest_checked(node: Mapping[str, JsonValue]) -> int:
    """How long a text may be for its schema's rules to be applied, other than its length."""
    limit = node.get("maxLength")
    return max(limit, min(FAR * limit, LONGEST)) if isinstance(limit, int) else LONGEST


def shown(text: str, most: int = 40) -> str:
    """A short excerpt of a prompt, in backquotes."""
    short = " ".join(text.split())
    return f"`{short if len(short) <= most else short[: most - 1] + '…'}`"
