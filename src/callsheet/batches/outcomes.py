"""What became of each row, and of the batch so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from callsheet.errors import ProviderError
from callsheet.runs.document import prompts_and_problems
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.batches.row_parser import Row
    from callsheet.engine.run_view import RunView
    from callsheet.loader.bundle import WorkflowBundle

Status = Literal["succeeded", "failed", "left"]


@dataclass(frozen=True)
class RowOutcome:
    """A row's end: its prompts by model, what is wrong with them, what it took.

    A row that is `left` was not carried to its end: nothing is wrong with it, and the batch's next
    go takes it. `code` names why a row failed, or was left.
    """

    row: Row
    status: Status
    prompts: Mapping[str, JsonValue] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    code: str = ""
    usage: Usage = NO_USAGE
    fresh: bool = True


@dataclass(frozen=True)
class RowResult:
    """What became of one idea of a batch.

    `row` counts from 1, in a file as a spreadsheet shows it; `cells` is the row as it was handed
    in. `status` is `succeeded`, `failed` or `left`, not carried to its end; `problems` says why, or
    which rules the prompts still break, and `code` names the reason. An unknown cost is None.
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


@dataclass
class BatchProgress:
    """The batch so far: rows by what became of them, and what all their calls took.

    `fresh` rows were carried on in this go; the others were finished before it.
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
        """Takes in a row's end."""
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
    """How ends are judged: with `strict`, a prompt that still breaks a rule is a failure."""

    bundle: WorkflowBundle
    strict: bool = False


def row_outcome(
    standard: OutcomeRules, row: Row, view: RunView, *, fresh: bool, paused: bool
) -> RowOutcome:
    """What became of a row, by its run; `paused` is whether the provider failed the whole batch."""
    if view.status == "succeeded":
        return _written(standard, row, view, fresh=fresh)
    error = view.error
    if error is None and view.question is None:
        return RowOutcome(row, "left", usage=view.usage, fresh=fresh)
    if error is None:
        asks = f"it asks: {view.question.text}" if view.question else ""
        return RowOutcome(row, "failed", {}, (asks,), "waiting", view.usage, fresh)
    left = paused and error.exit_code == ProviderError.exit_code
    told = f"{error.message} ({error.hint})" if error.hint else error.message
    return RowOutcome(row, "left" if left else "failed", {}, (told,), error.code, view.usage, fresh)


def _written(standard: OutcomeRules, row: Row, view: RunView, *, fresh: bool) -> RowOutcome:
    prompts, found = prompts_and_problems(standard.bundle, view)
    problems = tuple(f"{each['model']}: {each['message']}" for each in found)
    broken = standard.strict and problems
    status: Status = "failed" if broken else "succeeded"
    return RowOutcome(
        row, status, prompts, problems, "rule_broken" if broken else "", view.usage, fresh
    )


def row_result(outcome: RowOutcome) -> RowResult:
    """A row's end as a program gets it."""
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
    )
