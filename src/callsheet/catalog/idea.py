"""Judges the prompts of a reply by the idea they were written for: what is kept, and what is lost.

A limit of the model goes before the idea: what its prompts must not say is not asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from callsheet.catalog.formats import find_format
from callsheet.catalog.rules import Finding, leaves, pick
from callsheet.catalog.schemas import WRAPPER, models_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from callsheet.catalog.rules import Path
    from callsheet.fidelity.facts import Facts, IdeaFact
    from callsheet.fidelity.judging import Lost

RULE = "idea"

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

IdeaMode = Literal["strict", "warn", "off"]


@dataclass(frozen=True)
class IdeaCheck:
    """What prompts are judged by: the idea, and for a motion prompt the prompt of its still."""

    idea: str
    mode: IdeaMode = "strict"
    picture: JsonValue = None
    vocabulary: str = ""

    @property
    def on(self) -> bool:
        return self.mode != "off" and bool(self.idea.strip())


@dataclass(frozen=True)
class Coverage:
    """How much of the idea one prompt keeps.

    `not_applicable` are the facts that a rule of the model forbids, each with that rule. `reason` says
    why nothing was checked.
    """

    kept: int = 0
    of: int = 0
    missing: tuple[str, ...] = ()
    reason: str | None = None
    not_applicable: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = field(default=())


def find_lost(reply: JsonValue, schema: Mapping[str, JsonValue], check: IdeaCheck) -> list[Finding]:
    """What the prompts of a reply lose of the idea, errors and warnings, in the order of the schema."""
    if not check.on:
        return []
    return [each for one in judge_prompts(reply, schema, check).values() for each in one.findings]


def judge_prompts(
    reply: JsonValue, schema: Mapping[str, JsonValue], check: IdeaCheck
) -> dict[str, Coverage]:
    """How much of the idea each prompt of a reply keeps; a negative prompt by itself is left out."""
    from callsheet.fidelity.facts import draw_facts

    facts = draw_facts(check.idea, check.vocabulary)
    found: dict[str, Coverage] = {}
    for model, node in models_in(dict(schema)).items():
        value = pick(reply, (WRAPPER, model))
        paths = [path for path in leaves(node) if not _is_negative(path, node, model)]
        texts = {path: text for path in paths if isinstance(text := pick(value, path), str)}
        if paths and texts:
            judge = _Judge(facts, check, node, (WRAPPER, model), texts)
            found[model] = judge.coverage()
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


class _Judge:
    """Judges the texts of one prompt, as one."""

    def __init__(
        self, facts: Facts, check: IdeaCheck, node: JsonValue, at: Path, texts: dict[Path, str]
    ) -> None:
        self._facts = facts
        self._check = check
        self._nodes = [_node_at(node, path) for path in texts]
        self._model = node if isinstance(node, dict) else {}
        self._path = (*at, *next(iter(texts))) if len(texts) == 1 else at
        self._text = "\n".join(texts.values())

    def coverage(self) -> Coverage:
        from callsheet.fidelity.facts import Facts
        from callsheet.fidelity.judging import judge

        if self._facts.reason is not None:
            return Coverage(reason=self._facts.reason)
        forbidden = {fact: rule for fact in self._facts.found if (rule := self._forbidding(fact))}
        asked = tuple(fact for fact in self._facts.found if fact not in forbidden)
        verdict = judge(Facts(self._afforded(asked)), self._text, self._check.vocabulary)
        findings = [self._finding(lost) for lost in verdict.lost]
        if verdict.unusable:
            message = f"shows nothing of the idea: {', '.join(f.words for f in asked[:5])}"
            findings = [Finding(self._path, RULE, message)]
        if self._check.mode == "warn":
            findings = [replace(each, severity="warning") for each in findings]
        return Coverage(
            kept=verdict.kept,
            of=verdict.of,
            missing=tuple(lost.fact.words for lost in verdict.lost),
            not_applicable=tuple((fact.words, rule) for fact, rule in forbidden.items()),
            findings=tuple(findings),
        )

    def _finding(self, lost: Lost) -> Finding:
        severity: Literal["error", "warning"] = "error" if lost.certain else "warning"
        return Finding(self._path, RULE, lost.message, severity)

    def _forbidding(self, fact: IdeaFact) -> str:
        """The rule of the model that forbids to show a fact; empty where none does."""
        for node in (self._model, *self._nodes):
            cannot = node.get(CANNOT)
            if isinstance(cannot, list) and fact.kind in cannot:
                return f"{CANNOT}: {fact.kind}"
            name = node.get("format")
            if not isinstance(name, str) or (named := find_format(name)) is None:
                continue
            for rule, _ in named.faults(fact.words, "error"):
                if rule in _FORBIDDING:
                    return f"{name}: {rule}"
        return ""

    def _afforded(self, facts: tuple[IdeaFact, ...]) -> tuple[IdeaFact, ...]:
        """The facts, of which those beyond the room that a prompt has are no longer required."""
        room = sum(
            int(most) for node in self._nodes if isinstance(most := node.get("maxLength"), int)
        )
        if not room:
            return facts
        most = max(FEWEST, room // PER_FACT)
        return facts[:most] + tuple(replace(fact, required=False) for fact in facts[most:])
