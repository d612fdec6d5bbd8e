"""The outcome of each row, and the progress of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from callsheet.errors import ProviderError
from callsheet.runs.document import chosen_values, prompts_and_findings
from callsheet.runs.judged_prompts import rejected_texts
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.batches.row_parser import Row
    from callsheet.documents import PromptCoverage, PromptProblem, PromptWarning, RejectedText
    from callsheet.engine.run_view import RunView
    from callsheet.errors import StorageError
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.runs.session import RunSession
    from callsheet.store.port import UnreadableRunError

Status = Literal["succeeded", "failed", "left"]


@dataclass(frozen=True)
class RowOutcome:
    """The outcome of a row: its prompts by model, their problems and warnings, tokens and cost.

    A row that is `left` was not finished or not stored: nothing is wrong with it, and the batch's
    next execution takes it. `code` names why a row failed or was left. `fresh` is whether this
    execution ran it. `chosen` is what the LLM chose where the brief leaves it open. `waits` says that
    the row waits for a provider job.
    """

    row: Row
    status: Status
    prompts: Mapping[str, JsonValue] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    code: str = ""
    usage: Usage = NO_USAGE
    fresh: bool = True
    warnings: tuple[str, ...] = ()
    coverage: Mapping[str, PromptCoverage] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    rejected: tuple[RejectedText, ...] = ()
    waits: bool = False


@dataclass(frozen=True)
class RowResult:
    """The outcome of one idea of a batch.

    `row` counts from 1, in a file as a spreadsheet shows it; `cells` is the row as it was given.
    `status` is `succeeded`, `failed` or `left` (not finished); `problems` says why, or which rules
    the prompts still break, `code` names the reason, and `warnings` say what else to know of the
    prompts. An unknown cost is None. `chosen` is what the LLM chose where the brief leaves it open.
    A failed row has the prompts that were finished; `rejected` are texts that are no prompts.
    """

    row: int
    id: str
    cells: Mapping[str, JsonValue]
    run: str
    status: str
    prompts: Mapping[str, JsonValue]
    problems: Sequence[str]
    code: str
    cost_usd: float | None
    warnings: Sequence[str] = ()
    coverage: Mapping[str, PromptCoverage] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    rejected: Sequence[RejectedText] = ()


@dataclass
class BatchProgress:
    """The rows of a batch by outcome so far, and what all their calls took.

    `fresh` rows ran in this execution; the others had finished before it. `waiting` are those of the
    rows left that wait for a provider job.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    left: int = 0
    fresh: int = 0
    repaired: int = 0
    waiting: int = 0
    usage: Usage = NO_USAGE

    @property
    def ended(self) -> int:
        """The rows that need nothing more."""
        return self.done + self.failed

    def restart(self) -> None:
        """Count from nothing again: each round of a batch with provider jobs sees all rows."""
        vars(self).update(vars(BatchProgress(self.total)))

    def add(self, outcome: RowOutcome) -> None:
        """Add a row's outcome."""
        match outcome.status:
            case "succeeded":
                self.done += 1
            case "failed":
                self.failed += 1
            case "left":
                self.left += 1
        self.waiting += outcome.waits
        self.fresh += outcome.fresh and outcome.status != "left"
        self.repaired += outcome.usage.repairs > 0
        self.usage += outcome.usage


@dataclass(frozen=True)
class OutcomeRules:
    """How outcomes are judged: with `strict`, a prompt that still breaks a rule is a failure."""

    bundle: WorkflowBundle
    strict: bool = False


def row_outcome(
    rules: OutcomeRules, row: Row, view: RunView, *, fresh: bool, paused: bool
) -> RowOutcome:
    """Return a row's outcome from its run; `paused` is whether the provider stopped the batch."""
    if view.status == "succeeded":
        return _written(rules, row, view, fresh=fresh)
    error = view.error
    outcome = RowOutcome(row, "failed", usage=view.usage, fresh=fresh)
    if error is None and view.question is None:
        return replace(outcome, status="left", waits=bool(view.job))
    if error is None:
        problem = f"it asks: {view.question.text}" if view.question else ""
        return replace(outcome, problems=(problem,), code="waiting")
    left = paused and error.exit_code == ProviderError.exit_code
    problem = f"{error.message} ({error.hint})" if error.hint else error.message
    outcome = replace(outcome, problems=(problem,), code=error.code)
    return replace(outcome, status="left") if left else _with_kept(rules, outcome, view)


def _with_kept(rules: OutcomeRules, outcome: RowOutcome, view: RunView) -> RowOutcome:
    """Return the outcome of a failed row with the prompts that were finished."""
    prompts, _, noticed, coverage = prompts_and_findings(rules.bundle, view)
    return replace(
        outcome,
        prompts=prompts,
        warnings=_listed(noticed),
        coverage=coverage,
        chosen=chosen_values(rules.bundle, view),
        rejected=tuple(rejected_texts(view)),
    )


def _listed(findings: Iterable[PromptProblem | PromptWarning]) -> tuple[str, ...]:
    return tuple(f"{each.model}: {each.message}" for each in findings)


def unreadable_outcome(row: Row, error: UnreadableRunError) -> RowOutcome:
    """Return the outcome of a row whose stored run cannot be read."""
    return RowOutcome(row, "failed", {}, (f"{error.message} ({error.hint})",), error.code)


def unsaved_outcome(row: Row, session: RunSession | None, error: StorageError) -> RowOutcome:
    """Return the outcome of a row whose run could not be stored, with all that was received."""
    problems = (f"not stored: {error.message}",)
    if session is None:
        return RowOutcome(row, "left", {}, problems, error.code)
    document = session.document()
    every = document.prompts.values()
    prompts = {model: prompt for each in every for model, prompt in each.items()}
    outcome = RowOutcome(row, "left", prompts, problems, error.code, session.view.usage)
    return replace(outcome, chosen=document.get("chosen") or {})


def _written(rules: OutcomeRules, row: Row, view: RunView, *, fresh: bool) -> RowOutcome:
    prompts, broken, noticed, coverage = prompts_and_findings(rules.bundle, view)
    problems = _listed(broken)
    fails = bool(rules.strict and problems)
    return RowOutcome(
        row,
        "failed" if fails else "succeeded",
        prompts,
        problems,
        "rule_broken" if fails else "",
        view.usage,
        fresh,
        _listed(noticed),
        coverage,
        chosen_values(rules.bundle, view),
    )


def row_result(outcome: RowOutcome) -> RowResult:
    """Return a row's outcome as the Python API does."""
    return RowResult(
        row=outcome.row.number,
        id=outcome.row.id,
        cells=outcome.row.cells,
        run=outcome.row.run,
        status=outcome.status,
        prompts=outcome.prompts,
        problems=outcome.problems,
        code=outcome.code,
        cost_usd=outcome.usage.cost_usd,
        warnings=outcome.warnings,
        coverage=outcome.coverage,
        chosen=outcome.chosen,
        rejected=outcome.rejected,
    )
