"""What a named format consists of: rules with source and date, and a function that finds faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

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

    With `warns` a finding is only reported, since only a person can judge it or the image is not
    affected. A rule that is mere practice, or that sources disagree about, always warns. `of` is
    its kind where that does not follow from the source and the severity.
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
        """Whether the maker enforces it (`limit`), the maker advises it (`form`), or it is ours."""
        if self.of is not None:
            return self.of
        if self.sure == "ours":
            return "house"
        return "limit" if self.severity == "error" else "form"

    @property
    def severity(self) -> Severity:
        """An error is sent back to the LLM for repair; a warning is only reported."""
        return "warning" if self.warns or self.sure in ("C", "?") else "error"


@dataclass(frozen=True)
class Format:
    """A named format: what it is for, its rules, and what finds the broken ones in a text.

    `compare` finds faults that only show beside another text.
    `export_forms` names the exports that a text of this form is ready for, and `negative` the format of
    the text beside it, if any, that says what must stay away.
    """

    name: str
    about: str
    rules: tuple[Rule, ...]
    judge: Judge
    compare: Compare | None = None
    export_forms: tuple[str, ...] = ()
    negative: str = ""

    def kind(self, rule: str) -> RuleKind:
        """The kind of the rule of this name."""
        return next((each.kind for each in self.rules if each.name == rule), "limit")

    def faults(self, text: str, severity: Severity, others: Others = NONE) -> list[Fault]:
        """The faults of this severity, without duplicates."""
        wanted = {rule.name for rule in self.rules if rule.severity == severity}
        found = [*_judged(self.judge, text), *(self.compare(text, others) if self.compare else ())]
        return [fault for fault in dict.fromkeys(found) if fault[0] in wanted]


@lru_cache(maxsize=1_024)
def _judged(judge: Judge, text: str) -> tuple[Fault, ...]:
    """The faults of a text, cached: a run checks the same text several times."""
    return tuple(judge(text))


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
