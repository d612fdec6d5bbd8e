"""The outcome of each row, and the progress of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from callsheet.errors import ProviderError
from callsheet.runs.document import chosen_values, prompts_and_problems
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.batches.row_parser import Row
    from callsheet.engine.run_view import RunView
    from callsheet.errors import StorageError
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.runs.session import RunSession

Status = Literal["succeeded", "failed", "left"]


@dataclass(frozen=True)
class RowOutcome:
    """The outcome of a row: its prompts by model, their problems, tokens and cost.

    A row that is `left` was not finished or not stored: nothing is wrong with it, and the batch's
    next execution takes it. `code` names why a row failed or was left. `fresh` is whether this
    execution ran it. `chosen` is what the LLM chose where the brief leaves it open.
    """

    row: Row
    status: Status
    prompts: Mapping[str, JsonValue] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    code: str = ""
    usage: Usage = NO_USAGE
    fresh: bool = True
    chosen: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RowResult:
    """The outcome of one idea of a batch.

    `row` counts from 1, in a file as a spreadsheet shows it; `cells` is the row as it was given.
    `status` is `succeeded`, `failed` or `left` (not finished); `problems` says why, or which rules
    the prompts still break, and `code` names the reason. An unknown cost is None. `chosen` is what
    the LLM chose where the brief leaves it open.
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
    chosen: Mapping[str, str] = field(default_factory=dict)


@dataclass
class BatchProgress:
    """The rows of a batch by outcome so far, and what all their calls took.

    `fresh` rows ran in this execution; the others had finished before it.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    left: int = 0
    fresh: int = 0
    repaired: int = 0
    usage: Usage = NO_USAGE

    @property
    def ended(self) -> int:
        """The rows that need nothing more."""
        return self.done + self.failed

    def add(self, outcome: RowOutcome) -> None:
        """Add a row's outcome."""
        match outcome.status:
            case "succeeded":
                self.done += 1
            case "failed":
                self.failed += 1
            case "left":
                self.left += 1
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
    if error is None and view.question is None:
        return RowOutcome(row, "left", usage=view.usage, fresh=fresh)
    if error is None:
        problem = f"it asks: {view.question.text}" if view.question else ""
        return RowOutcome(row, "failed", {}, (problem,), "waiting", view.usage, fresh)
    left = paused and error.exit_code == ProviderError.exit_code
    problem = f"{error.message} ({error.hint})" if error.hint else error.message
    return RowOutcome(
        row, "left" if left else "failed", {}, (problem,), error.code, view.usage, fresh
    )


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
    prompts, found = prompts_and_problems(rules.bundle, view)
    problems = tuple(f"{each.model}: {each.message}" for each in found)
    broken = rules.strict and problems
    status: Status = "failed" if broken else "succeeded"
    code, chosen = "rule_broken" if broken else "", chosen_values(rules.bundle, view)
    return RowOutcome(row, status, prompts, problems, code, view.usage, fresh, chosen)


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
        chosen=outcome.chosen,
    )
