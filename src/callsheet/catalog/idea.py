"""Judges the prompts of a reply by the idea they were written for: what is kept, and what is lost.

A limit of the model goes before the idea: what its prompts must not say is not asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from callsheet.catalog.formats import find_format
from callsheet.catalog.rules import Finding, leaves, pick
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import Problem
from callsheet.fidelity import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.catalog.rules import Path
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.fidelity.facts import Facts, IdeaFact
    from callsheet.fidelity.judging import Lost, Verdict

RULE: Final = "idea"

IDEA, PICTURE, SAID = "idea", "picture", "said"
"""The names in `compared_with` of the idea, of the prompt of the still that a motion animates, and
of what other fields of the brief say."""

VOCABULARY = "vocabulary.json"
"""The file in which a workflow adds words to those that ideas are read with."""

CANNOT = "x-cannot"
"""In a model's schema: the kinds of fact that it cannot show, such as `lettering`."""

PER_FACT = 40
"""Characters that a fact takes in a prompt, with what it is set in."""

FEWEST = 5
"""Facts that every prompt has room for."""

_FORBIDDING = ("name", "safety")
"""The rules of a format that may forbid what an idea asks for."""


@dataclass(frozen=True)
class IdeaCheck:
    """What prompts are judged by: the idea, and for a motion prompt the text of its still.

    `said` is what a person said in other fields, by their names.
    """

    idea: str
    mode: IdeaCheckMode = STRICT
    picture: str = ""
    vocabulary: str = ""
    said: tuple[tuple[str, str], ...] = ()

    @property
    def enabled(self) -> bool:
        return self.mode != "off" and bool(self.idea.strip())


@dataclass(frozen=True)
class Coverage:
    """How much of the idea one prompt keeps, and the findings that say what is lost.

    `not_applicable` are the facts that a rule of the model forbids, each with that rule. `reason` says
    why nothing was checked.
    """

    kept: int = 0
    of: int = 0
    missing: tuple[str, ...] = ()
    reason: str | None = None
    not_applicable: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def idea_check(
    compared_with: Mapping[str, JsonValue], mode: IdeaCheckMode, vocabulary: str = ""
) -> IdeaCheck:
    """The check of prompts that are compared with these texts."""
    idea, said = compared_with.get(IDEA), compared_with.get(SAID)
    fields = said.items() if isinstance(said, dict) else ()
    beside = tuple((name, str(text)) for name, text in fields if text and text != idea)
    picture = _positive_text(compared_with.get(PICTURE))
    return IdeaCheck(idea if isinstance(idea, str) else "", mode, picture, vocabulary, beside)


def find_lost(
    reply: JsonValue, schema: Mapping[str, JsonValue], check: IdeaCheck, severity: str = ""
) -> list[Finding]:
    """What the prompts of a reply lose of the idea, in the order of the schema: all, or one severity."""
    covered = judge_prompts(reply, schema, check).values()
    found = [finding for each in covered for finding in each.findings]
    return [finding for finding in found if severity in ("", finding.severity)]


def vocabulary_problems(text: str) -> Iterator[Problem]:
    """What is wrong with a workflow's own vocabulary, if it has one."""
    if not text:
        return
    from callsheet.fidelity.vocabulary import wrong_vocabulary

    if wrong := wrong_vocabulary(text):
        yield Problem(VOCABULARY, "$", wrong, "its form is that of callsheet's own english.json")


def judge_prompts(
    reply: JsonValue, schema: Mapping[str, JsonValue], check: IdeaCheck
) -> dict[str, Coverage]:
    """How much of the idea each prompt of a reply keeps; a negative prompt by itself is left out."""
    found: dict[str, Coverage] = {}
    if not check.enabled:
        return found
    for model, node in models_in(dict(schema)).items():
        value = pick(reply, (WRAPPER, model))
        texts = {path: text for path in leaves(node) if isinstance(text := pick(value, path), str)}
        positive = {
            path: text for path, text in texts.items() if not _is_negative(path, node, model)
        }
        if positive:
            at = (WRAPPER, model)
            path = (*at, *next(iter(positive))) if len(positive) == 1 else at
            asked = tuple(_Asked.of(_node_at(node, each)) for each in ((), *positive))
            found[model] = _coverage(check, path, "\n".join(positive.values()), asked)
    return found


def _is_negative(path: Path, node: JsonValue, model: str) -> bool:
    """Whether a text says what must stay away."""
    named = (_node_at(node, path).get("format"), *path, model)
    return any("negative" in str(name).lower() for name in named)


def _node_at(node: JsonValue, path: Path) -> dict[str, JsonValue]:
    for name in path:
        properties = node.get("properties") if isinstance(node, dict) else None
        node = properties.get(name) if isinstance(properties, dict) else None
    return node if isinstance(node, dict) else {}


@dataclass(frozen=True)
class _Asked:
    """What a schema asks of a text, as far as it matters for an idea."""

    format: str
    longest: int
    cannot: frozenset[str]

    @classmethod
    def of(cls, node: Mapping[str, JsonValue]) -> _Asked:
        name, longest, cannot = node.get("format"), node.get("maxLength"), node.get(CANNOT)
        return cls(
            name if isinstance(name, str) else "",
            longest if isinstance(longest, int) else 0,
            frozenset(map(str, cannot)) if isinstance(cannot, list) else frozenset(),
        )


@lru_cache(maxsize=512)
def _coverage(check: IdeaCheck, path: Path, text: str, asked: tuple[_Asked, ...]) -> Coverage:
    """The coverage of one prompt; remembered, as a delivered prompt was judged when it arrived."""
    return _PromptJudge(check, path, text, asked).coverage()


@dataclass(frozen=True)
class _PromptJudge:
    """Judges the texts of one prompt, as one; `asked` is the model's part and that of each text."""

    _check: IdeaCheck
    _path: Path
    _text: str
    _asked: tuple[_Asked, ...]

    def coverage(self) -> Coverage:
        from callsheet.fidelity.facts import NOTHING_FOUND, Facts, draw_facts, draw_field_facts

        check = self._check
        facts = draw_facts(check.idea, check.vocabulary)
        said = [f for each in check.said for f in draw_field_facts(*each, check.vocabulary)]
        if facts.reason is not None and not (said and facts.reason == NOTHING_FOUND):
            return Coverage(reason=facts.reason)
        found = (*facts.found, *said)
        forbidden = {fact: rule for fact in found if (rule := self._forbidding(fact))}
        asked = Facts(self._afforded([fact for fact in found if fact not in forbidden]))
        verdict = self._verdict(asked)
        findings = [self._finding(lost) for lost in verdict.lost]
        if verdict.unusable:
            some = ", ".join(fact.words for fact in asked.found[:FEWEST])
            message = f"shows nothing of the idea: {some}"
            findings = [Finding(self._path, RULE, message, kind=RULE, unusable=True)]
        if self._check.mode == "warn":
            findings = [replace(each, severity="warning", unusable=False) for each in findings]
        return Coverage(
            kept=verdict.kept,
            of=verdict.of,
            missing=tuple(lost.fact.words for lost in verdict.lost),
            not_applicable=tuple((fact.words, rule) for fact, rule in forbidden.items()),
            findings=tuple(findings),
        )

    def _verdict(self, facts: Facts) -> Verdict:
        from callsheet.fidelity.judging import judge, judge_motion

        if picture := self._check.picture:
            return judge_motion(facts, self._text, picture, self._check.vocabulary)
        return judge(facts, self._text, self._check.vocabulary)

    def _finding(self, lost: Lost) -> Finding:
        severity: Literal["error", "warning"] = "error" if lost.certain else "warning"
        return Finding(self._path, RULE, lost.message, severity, kind=RULE)

    def _forbidding(self, fact: IdeaFact) -> str:
        """The rule of the model that forbids to show a fact; empty where none does."""
        for asked in self._asked:
            if fact.kind in asked.cannot:
                return f"{CANNOT}: {fact.kind}"
            if asked.format and (rule := _forbidding_rule(asked.format, fact.words)):
                return rule
        return ""

    def _afforded(self, facts: list[IdeaFact]) -> tuple[IdeaFact, ...]:
        """The facts, of which those beyond the room that a prompt has are no longer required."""
        room = sum(each.longest for each in self._asked[1:])
        most = max(FEWEST, room // PER_FACT) if room else len(facts)
        return (*facts[:most], *(replace(fact, required=False) for fact in facts[most:]))


@lru_cache(maxsize=1_024)
def _forbidding_rule(name: str, words: str) -> str:
    """The rule of a format that forbids these words; empty where none does."""
    named = find_format(name)
    faults = named.faults(words, "error") if named else ()
    return next((f"{name}: {rule}" for rule, _ in faults if rule in _FORBIDDING), "")


def _positive_text(prompt: JsonValue) -> str:
    """The text of a prompt, without its negative fields."""
    if isinstance(prompt, dict):
        parts = (_positive_text(part) for name, part in prompt.items() if "negative" not in name)
        return "\n".join(part for part in parts if part)
    return prompt if isinstance(prompt, str) else ""
