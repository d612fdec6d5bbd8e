"""Formats rows and their outcomes as CSV, a workbook, JSON Lines or Markdown."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Protocol

from callsheet.batches.workbook import MAX_ROWS, Workbook
from callsheet.catalog.rules import leaves
from callsheet.errors import InputError
from callsheet.exports.csv_cells import escape_cell
from callsheet.exports.texts import (
    code_fence,
    coverage_text,
    escape_controls,
    inert_markdown,
    printable,
)
from callsheet.loader.rendering import render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.loader.bundle import WorkflowBundle

OUTCOME_COLUMNS = ("status", "problems", "warnings", "coverage", "tokens", "cost_usd", "run")
"""The columns after the prompts."""


class OutcomeWriter(Protocol):
    """Formats outcomes for a file; what can be written only at its end is its `tail`."""

    def head(self) -> str: ...

    def body(self, outcome: RowOutcome) -> str: ...

    def tail(self) -> bytes:
        return b""


class CsvWriter(OutcomeWriter):
    """One line for each row; a byte order mark is written where the sheet has one."""

    def __init__(
        self,
        columns: Sequence[str],
        texts: Sequence[str],
        choices: Sequence[str],
        *,
        bom: bool,
    ) -> None:
        self._columns, self._texts, self._choices, self._bom = columns, texts, choices, bom

    def head(self) -> str:
        bom = "\ufeff" if self._bom else ""
        chosen = choice_columns(self._choices)
        return bom + self._line([*self._columns, *self._texts, *chosen, *OUTCOME_COLUMNS])

    def body(self, outcome: RowOutcome) -> str:
        cells = [_cell(outcome.row.cells.get(name)) for name in self._columns]
        texts = dict(texts_of(outcome.prompts))
        cells += [printable(texts.get(name, "")) for name in self._texts]
        cells += [outcome.chosen.get(name, "") for name in self._choices]
        return self._line([*cells, *(_cell(value) for value in _outcome_cells(outcome).values())])

    def _line(self, cells: Sequence[str]) -> str:
        written = io.StringIO()
        csv.writer(written, lineterminator="\r\n").writerow([escape_cell(cell) for cell in cells])
        return written.getvalue()


class WorkbookWriter(OutcomeWriter):
    """One row for each row, with tokens and cost as numbers; all of the file is its tail."""

    def __init__(
        self, columns: Sequence[str], texts: Sequence[str], choices: Sequence[str]
    ) -> None:
        self._columns, self._texts, self._choices = columns, texts, choices
        self._workbook = Workbook()

    def head(self) -> str:
        chosen = choice_columns(self._choices)
        self._workbook.add([*self._columns, *self._texts, *chosen, *OUTCOME_COLUMNS])
        return ""

    def body(self, outcome: RowOutcome) -> str:
        cells: list[str | float | None] = [
            _cell(outcome.row.cells.get(name)) for name in self._columns
        ]
        texts = dict(texts_of(outcome.prompts))
        cells += [printable(texts.get(name, "")) for name in self._texts]
        cells += [outcome.chosen.get(name, "") for name in self._choices]
        for value in _outcome_cells(outcome).values():
            cells.append(value if isinstance(value, (int, float)) else _cell(value))
        self._workbook.add(cells)
        return ""

    def tail(self) -> bytes:
        return self._workbook.close()


class JsonLinesWriter(OutcomeWriter):
    """One object for each row: its own keys, then the text of each model, exactly as written."""

    def __init__(self, texts: Sequence[str], choices: Sequence[str]) -> None:
        self._texts, self._choices = texts, choices

    def head(self) -> str:
        return ""

    def body(self, outcome: RowOutcome) -> str:
        texts = dict(texts_of(outcome.prompts))
        row = {**outcome.row.cells, **{name: texts.get(name) for name in self._texts}}
        chosen = map(outcome.chosen.get, self._choices)
        row |= dict(zip(choice_columns(self._choices), chosen, strict=True))
        return escape_controls(json.dumps(row | _outcome_cells(outcome), ensure_ascii=False)) + "\n"


class MarkdownWriter(OutcomeWriter):
    """A heading for each row, and below it each prompt in a code fence."""

    def head(self) -> str:
        return ""

    def body(self, outcome: RowOutcome) -> str:
        row = outcome.row
        idea = row.cells.get("idea") or next(iter(row.cells.values()), "")
        head = f"# {inert_markdown(f'{row.label}: {_cell(idea)}')}"
        lines = [head, "", inert_markdown(_summary(outcome)), ""]
        for name, value in outcome.chosen.items():
            lines += [f"* {name.replace('_', ' ')}, chosen: {value}", ""]
        for problem in outcome.problems:
            lines += [f"* {inert_markdown(problem)}", ""]
        for warning in outcome.warnings:
            lines += [f"* warning: {inert_markdown(warning)}", ""]
        for name, text in texts_of(outcome.prompts):
            lines += [f"## {inert_markdown(name)}", "", code_fence(printable(text)), ""]
        return "\n".join(lines) + "\n"


def writer_for(path: Path, batch: Batch) -> OutcomeWriter:
    """Return the writer for a file's extension; raises InputError, also for a column name in use."""
    texts = text_columns(batch.setup.bundle, batch.groups)
    match path.suffix.lower():
        case ".csv":
            writer: OutcomeWriter = CsvWriter(
                batch.columns, texts, batch.open_choices, bom=batch.sheet.has_bom
            )
        case ".xlsx" if batch.progress.total < MAX_ROWS:
            writer = WorkbookWriter(batch.columns, texts, batch.open_choices)
        case ".xlsx":
            raise InputError(
                f"a workbook has at most {MAX_ROWS:,} rows", hint="name a .csv or .jsonl file"
            )
        case ".jsonl" | ".ndjson":
            writer = JsonLinesWriter(texts, batch.open_choices)
        case ".md":
            return MarkdownWriter()
        case _:
            raise InputError(
                f"no form is known for {path.name!r:.200}",
                hint="known endings: .csv, .xlsx, .jsonl, .md",
            )
    added = (*texts, *choice_columns(batch.open_choices), *OUTCOME_COLUMNS)
    taken = [name for name in batch.columns if name in added]
    if taken:
        raise InputError(
            f"the column {taken[0]!r} is one that the output adds", hint="rename it in the sheet"
        )
    return writer


def choice_columns(choices: Sequence[str]) -> list[str]:
    """Return a column for each field whose value the LLM chooses."""
    return [f"chosen_{name}" for name in choices]


def text_columns(bundle: WorkflowBundle, groups: Sequence[str]) -> list[str]:
    """Return a column for each text of the groups' models, in the config's order: `MODEL.field`."""
    models = bundle.resources.catalog.select(groups).models
    paths = [path[1:] for name in groups for path in leaves(render_schema(bundle, [name]))]
    return [".".join(path) for model in models for path in paths if path[0] == model]


def texts_of(prompts: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Yield each text of a row's prompts with its column."""
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            for inner, text in texts_of(prompt):
                yield f"{name}.{inner}", text
        else:
            yield name, _cell(prompt)


def _outcome_cells(outcome: RowOutcome) -> dict[str, JsonValue]:
    """Return the cells after a row's prompts; an unknown cost is None, never 0."""
    usage = outcome.usage
    return {
        "status": outcome.status,
        "problems": _problems(outcome),
        "warnings": "; ".join(outcome.warnings),
        "coverage": "; ".join(
            f"{model}: {coverage_text(each.to_json())}" for model, each in outcome.coverage.items()
        ),
        "tokens": usage.tokens,
        "cost_usd": None if usage.cost_usd is None else round(usage.cost_usd, 8),
        "run": outcome.row.run,
    }


def _problems(outcome: RowOutcome) -> str:
    problems = "; ".join(outcome.problems)
    return f"{outcome.code}: {problems}" if outcome.code else problems


def _cell(value: JsonValue) -> str:
    """Return a value as text: JSON for other types, and an empty text for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _summary(outcome: RowOutcome) -> str:
    cells = _outcome_cells(outcome)
    cost = "price unknown" if cells["cost_usd"] is None else f"${cells['cost_usd']}"
    return f"{cells['status']}, {cells['tokens']} tokens, {cost}, run {cells['run']}"
