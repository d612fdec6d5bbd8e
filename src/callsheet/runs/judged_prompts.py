"""Judges a run's prompts: which rules they break, and what they keep of the idea."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from callsheet.catalog.idea import VOCABULARY, idea_check, judge_prompts
from callsheet.catalog.rules import find_errors, find_warnings, narrow
from callsheet.catalog.schemas import WRAPPER
from callsheet.documents import (
    NotApplicableFact,
    PromptCoverage,
    PromptProblem,
    PromptWarning,
    RejectedText,
)
from callsheet.llm.providers import idea_check_of
from callsheet.loader.rendering import comparison_texts, render_schema

if TYPE_CHECKING:
    from pydantic import JsonValue

    from callsheet.catalog.idea import Coverage
    from callsheet.catalog.rules import Finding
    from callsheet.engine.run_view import RunView
    from callsheet.loader.bundle import WorkflowBundle


def judge_written(
    bundle: WorkflowBundle,
    view: RunView,
    selection: dict[str, list[str]],
    prompts: dict[str, dict[str, JsonValue]],
) -> tuple[list[PromptProblem], list[PromptWarning], dict[str, PromptCoverage]]:
    """Check the prompts by their groups' schemas and by the idea: broken rules, warnings, coverage."""
    problems, warnings = list[PromptProblem](), list[PromptWarning]()
    coverage: dict[str, PromptCoverage] = {}
    mode = idea_check_of(view.llm, view.idea_check)
    vocabulary = bundle.resources.files.read_if_there(VOCABULARY)
    for category, texts in prompts.items():
        if not texts or not selection.get(category):
            continue
        schema = _schema_of(bundle, tuple(selection[category]), frozenset(texts))
        others = comparison_texts(bundle, category, view.state)
        reply: JsonValue = {WRAPPER: texts}
        judged = judge_prompts(reply, schema, idea_check(others, mode, vocabulary))
        coverage |= {model: _coverage(each) for model, each in judged.items()}
        lost = [finding for each in judged.values() for finding in each.findings]
        problems += [
            PromptProblem.model_construct(**_fields(finding))
            for finding in (*find_errors(reply, schema, others), *lost)
            # Of a prompt that is still being written, other fields may not exist yet.
            if finding.severity == "error" and (finding.rule != "missing" or not view.values)
        ]
        warnings += [
            PromptWarning.model_construct(**_fields(finding))
            for finding in (*find_warnings(reply, schema, others), *lost)
            if finding.severity == "warning"
        ]
    return problems, warnings, coverage


def _coverage(judged: Coverage) -> PromptCoverage:
    return PromptCoverage.model_construct(
        kept=judged.kept,
        of=judged.of,
        missing=[*judged.missing],
        checked=judged.reason is None,
        reason=judged.reason,
        not_applicable=[
            NotApplicableFact.model_construct(fact=fact, rule=rule)
            for fact, rule in judged.not_applicable
        ],
    )


def _fields(finding: Finding) -> dict[str, Any]:
    model = ".".join(finding.path[1:])
    return {
        "model": model,
        "rule": finding.rule,
        "kind": finding.kind,
        "message": finding.message,
        "source": finding.source,
    }


def rejected_texts(view: RunView) -> list[RejectedText]:
    """List the texts that were judged to be no prompts, in the order in which they came."""
    return [
        RejectedText.model_construct(
            model=path.removeprefix(f"{WRAPPER}."),
            rule=each.rule,
            kind=each.rule_kind,
            message=each.message,
            text=each.value,
        )
        for path, each in view.rejected.items()
    ]


@lru_cache(maxsize=32)
def _schema_of(
    bundle: WorkflowBundle, groups: tuple[str, ...], models: frozenset[str]
) -> dict[str, JsonValue]:
    """The schema of these groups' models that have a prompt."""
    return narrow(render_schema(bundle, groups), {(WRAPPER, model) for model in models})
