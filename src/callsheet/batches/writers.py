"""The forms in which rows and what became of them are written: CSV, JSON Lines, Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Protocol

from callsheet.catalog.rules import leaves
from callsheet.errors import InputError
from callsheet.exports.csv_cells import escape_cell
from callsheet.loader.rendering import render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.loader.bundle import WorkflowBundle

ADDED = ("status", "problems", "tokens", "cost_usd", "run")
"""The columns behind the prompts."""


class OutcomeWriter(Protocol):
    """How outcomes look in a file."""

    def head(self) -> str: ...

    def body(self, outcome: RowOutcome) -> str: ...


class CsvWriter:
    """One line for each row, cells by column; the mark is written where the sheet has one."""

    def __init__(self, columns: Sequence[str], texts: Sequence[str], *, marked: bool) -> None:
        self._columns, self._texts, self._marked = columns, texts, marked

    def head(self) -> str:
        mark = "\ufeff" if self._marked else ""
        return mark + self._line([*self._columns, *self._texts, *ADDED])

    def body(self, outcome: RowOutcome) -> str:
        cells = [_cell(outcome.row.cells.get(name)) for name in self._columns]
        texts = dict(texts_of(outcome.prompts))
        cells += [texts.get(name, "") for name in self._texts]
        return self._line([*cells, *(_cell(value) for value in _added(outcome).values())])

    def _line(self, cells: Sequence[str]) -> str:
        written = io.StringIO()
        csv.writer(written, lineterminator="\r\n").writerow([escape_cell(cell) for cell in cells])
        return written.getvalue()


class JsonLinesWriter:
    """One object for each row: its own keys, then a text for each model, exactly as written."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def head(self) -> str:
        return ""

    def body(self, outcome: RowOutcome) -> str:
        texts = dict(texts_of(outcome.prompts))
        row = {**outcome.row.cells, **{name: texts.get(name) for name in self._texts}}
        return json.dumps(row | _added(outcome), ensure_ascii=False) + "\n"


class MarkdownWriter:
    """A heading for each row, and below it each prompt in a fence, ready to be copied."""

    def head(self) -> str:
        return ""

    def body(self, outcome: RowOutcome) -> str:
        row = outcome.row
        idea = row.cells.get("idea") or next(iter(row.cells.values()), "")
        lines = [f"# {row.label}: {' '.join(_cell(idea).split())}", "", f"{_summary(outcome)}", ""]
        for problem in outcome.problems:
            lines += [f"* {problem}", ""]
        for name, text in texts_of(outcome.prompts):
            fence = "`" * (1 + max(map(len, re.findall("`{2,}", text)), default=2))
            lines += [f"## {name}", "", f"{fence}text", text, fence, ""]
        return "\n".join(lines) + "\n"


def writer_for(path: Path, batch: Batch) -> OutcomeWriter:
    """The form that a file's ending names; raises InputError for another, or a column taken twice."""
    texts = text_columns(batch.setup.bundle, batch.groups)
    match path.suffix.lower():
        case ".csv":
            form: OutcomeWriter = CsvWriter(batch.columns, texts, marked=batch.sheet.marked)
        case ".jsonl" | ".ndjson":
            form = JsonLinesWriter(texts)
        case ".md":
            return MarkdownWriter()
        case _:
            raise InputError(
                f"no form is known for {path.name!r:.200}", hint="known endings: .csv, .jsonl, .md"
            )
    taken = [name for name in batch.columns if name in (*texts, *ADDED)]
    if taken:
        raise InputError(
            f"the column {taken[0]!r} is one that the output adds", hint="rename it in the sheet"
        )
    return form


def text_columns(bundle: WorkflowBundle, groups: Sequence[str]) -> list[str]:
    """A column for each text that the groups' models get, in the config's order: `MODEL.field`."""
    catalog = bundle.resources.catalog
    names: list[str] = []
    for group in groups:
        schema = render_schema(bundle, [group])
        found = [path[1:] for path in leaves(schema)]
        for model in catalog.group(group).models:
            names += [".".join(path) for path in found if path[0] == model]
    return names


def texts_of(prompts: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Each text of a row's prompts by its column."""
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            for inner, text in texts_of(prompt):
                yield f"{name}.{inner}", text
        else:
            yield name, _cell(prompt)


def _added(outcome: RowOutcome) -> dict[str, JsonValue]:
    """What stands behind a row's prompts; an unknown price is nothing, never 0."""
    usage = outcome.usage
    return {
        "status": outcome.status,
        "problems": _problems(outcome),
        "tokens": usage.tokens,
        "cost_usd": None if usage.cost_usd is None else round(usage.cost_usd, 8),
        "run": outcome.row.run,
    }


def _problems(outcome: RowOutcome) -> str:
    told = "; ".join(outcome.problems)
    return f"{outcome.code}: {told}" if outcome.code else told


def _cell(value: JsonValue) -> str:
    """A value as text: what is no text as JSON, and nothing for nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _summary(outcome: RowOutcome) -> str:
    added = _added(outcome)
    cost = "price unknown" if added["cost_usd"] is None else f"${added['cost_usd']}"
    return f"{added['status']}, {added['tokens']} tokens, {cost}, run {added['run']}"
