"""Judges the replies of an LLM: what code corrects in them, which rules they break, which is better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from callsheet.catalog.autofix import autofix_all
from callsheet.catalog.idea import VOCABULARY, IdeaCheck, find_lost, idea_check
from callsheet.catalog.rules import (
    Finding,
    build_validator,
    find_warnings,
    in_order,
    joined,
    leaves,
    narrow,
    overlay,
    pick,
    without_extras,
)
from callsheet.catalog.schemas import described
from callsheet.catalog.usable import SentText
from callsheet.llm.providers import idea_check_of, writes_drafts

if TYPE_CHECKING:
    from pydantic import JsonValue

    from callsheet.catalog.rules import Find, Path
    from callsheet.modules.contract import ModuleContext


class JudgedInputs(Protocol):
    """What was sent, and what prompts are compared with."""

    system_message: str
    user_message: str
    output_schema: dict[str, JsonValue]
    compared_with: dict[str, JsonValue]


@dataclass(frozen=True)
class Draft:
    """The current reply and its findings."""

    value: dict[str, JsonValue]
    findings: list[Finding]

    @property
    def unusable(self) -> list[Finding]:
        """The findings that mean that a prompt is missing, or that its text is no prompt."""
        return [finding for finding in self.findings if finding.unusable]


@dataclass(frozen=True)
class ReplyJudge:
    """Corrects replies as far as code can, finds what is wrong in them, and compares them."""

    schema: dict[str, JsonValue]
    find: Find
    compared_with: dict[str, JsonValue]
    idea: IdeaCheck

    def judge(self, value: JsonValue) -> Draft:
        """The value as it would be delivered, with its findings."""
        fixed = autofix_all(without_extras(value, self.schema), self.schema)
        kept = in_order(fixed, self.schema)
        assert isinstance(kept, dict)  # noqa: S101  # `value` is an object
        return Draft(kept, self._errors(kept))

    def _errors(self, value: dict[str, JsonValue]) -> list[Finding]:
        """The broken rules, and what is lost of the idea in texts that are prompts."""
        broken = self.find(value)
        bad = [each.path for each in broken if each.unusable]
        lost = find_lost(value, self.schema, self.idea, "error")
        return broken + [f for f in lost if not any(_overlaps(f.path, path) for path in bad)]

    def advice(self, draft: Draft) -> list[Finding]:
        """What the makers advise otherwise, of the texts that break a rule: a repair mends both."""
        broken = {each.path for each in draft.findings}
        noticed = find_warnings(draft.value, narrow(self.schema, broken), self.compared_with)
        return [each for each in noticed if each.kind == "form"]

    def better(self, old: Draft, new: Draft) -> Draft:
        """The new draft, with the old text wherever the new one has more or greater findings."""
        worse = {
            path: before
            for path in leaves(self.schema)
            if (before := pick(old.value, path)) not in (None, pick(new.value, path))
            and self._weight(new, path) > self._weight(old, path)
        }
        return self.judge(overlay(new.value, joined(worse.items()))) if worse else new

    def _weight(self, draft: Draft, path: Path) -> tuple[int, int, int, int]:
        own = [each for each in draft.findings if _overlaps(each.path, path)]
        schema = narrow(self.schema, {path})
        noticed = find_warnings(draft.value, schema, self.compared_with)
        noticed += find_lost(draft.value, schema, self.idea, "warning")
        lost = sum(each.unusable for each in own)
        return lost, len(own), sum(each.size for each in own), len(noticed)


def _overlaps(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def judge_of(inputs: JudgedInputs, context: ModuleContext) -> ReplyJudge:
    """The judge of replies; of drafts, which nobody can repair, none is rejected."""
    schema, compared = inputs.output_schema, inputs.compared_with
    vocabulary = context.resources.files.read_if_there(VOCABULARY)
    mode = idea_check_of(context.llm, context.idea_check)
    check = idea_check(compared, mode, vocabulary)
    if writes_drafts(context.llm):
        find = build_validator(schema, compared)
        usable = ("missing", "type")
        return ReplyJudge(
            schema,
            lambda value: [replace(f, unusable=f.rule in usable) for f in find(value)],
            compared,
            check,
        )
    sent = SentText("\n".join([inputs.system_message, *described(schema)]), inputs.user_message)
    return ReplyJudge(schema, build_validator(schema, compared, sent), compared, check)
