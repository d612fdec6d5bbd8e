"""Judges the rows of a sheet: each becomes a run with its answers and its own name, or a problem.

A run's name is made from what the row says, so that the same row is the same run the next time,
and a changed row is another.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from callsheet.batches.sheet_reader import column_key
from callsheet.errors import AnswerError, CallsheetError, InputError, UnknownNameError
from callsheet.questions import parse_answer
from callsheet.runs.inputs import brief_fields, parse_selection, required_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.batches.sheet_reader import SheetReader, SheetRow
    from callsheet.loader.bundle import WorkflowBundle

GROUPS, ID = "groups", "id"

LIKE = 0.75
"""How much a column must be like a field to be taken for a misspelling of it."""


@dataclass(frozen=True)
class Row:
    """One idea: where it stands, its cells as they were read, and what its run is told."""

    number: int
    id: str
    cells: Mapping[str, JsonValue]
    groups: tuple[str, ...]
    answers: Mapping[str, JsonValue]
    run: str

    @property
    def label(self) -> str:
        """How a person finds it again."""
        return f"row {self.number}" + (f" ({self.id})" if self.id else "")


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row; `number` 1 is the header."""

    number: int
    message: str

    def __str__(self) -> str:
        return f"row {self.number}: {self.message}"


@dataclass(frozen=True)
class RowDefaults:
    """What all rows share unless they say otherwise: groups, and fields of the brief."""

    groups: tuple[str, ...] = ()
    brief: Mapping[str, str] = field(default_factory=dict)


class RowParser:
    """Makes rows of lines; raises InputError where what all rows share does not fit.

    The runs are named after the batch; `seed` stands for all that their prompts depend on beside
    the rows.
    """

    def __init__(self, bundle: WorkflowBundle, told: RowDefaults, batch: str, seed: str) -> None:
        self._bundle = bundle
        self._told = told
        self._batch, self._seed = batch, seed
        self._fields = brief_fields(bundle)
        self._required = required_fields(bundle)
        self._shared = {key: self._answer(key, value) for key, value in told.brief.items()}
        self._selections: dict[tuple[str, ...], dict[str, JsonValue]] = {}
        if told.groups:
            self._selection(told.groups)

    @property
    def known_columns(self) -> list[str]:
        """What a column may be called that says something of its row."""
        return [*self._fields, GROUPS, ID]

    def rows(self, sheet: SheetReader) -> Iterator[Row | list[RowProblem]]:
        """Every row in order, or all that is wrong with it."""
        seen: Counter[bytes] = Counter()
        ids: dict[str, int] = {}
        columns: dict[str, str | None] = {}
        for line in sheet.lines():
            if line.problem:
                yield [RowProblem(line.number, line.problem)]
                continue
            judged = self._judged(line, columns, seen)
            if isinstance(judged, Row) and judged.id:
                first = ids.setdefault(judged.id, judged.number)
                if first != judged.number:
                    words = f"has the id {judged.id!r:.80} of row {first}"
                    judged = [RowProblem(judged.number, words)]
            yield judged

    def _judged(
        self, line: SheetRow, columns: dict[str, str | None], seen: Counter[bytes]
    ) -> Row | list[RowProblem]:
        said, problems = self._said(line, columns)
        answers = dict(self._shared)
        for key, value in said.items():
            if key in (GROUPS, ID):
                continue
            try:
                answers[key] = self._answer(key, value)
            except InputError as error:
                problems.append(RowProblem(line.number, _words(error)))
        for key in self._required:
            if key not in answers and key not in said:
                problems.append(RowProblem(line.number, f"has no `{key}`"))
        groups: tuple[str, ...] = ()
        try:
            groups = _names(said.get(GROUPS)) or self._told.groups
            answers |= self._selection(groups)
        except InputError as error:
            problems.append(RowProblem(line.number, _words(error)))
        if problems:
            return problems
        own = said.get(ID)
        mark = own if isinstance(own, str) else "" if own is None else json.dumps(own)
        run = self._run(answers, mark.strip(), seen)
        return Row(line.number, mark.strip(), line.cells, groups, answers, run)

    def _said(
        self, line: SheetRow, columns: dict[str, str | None]
    ) -> tuple[dict[str, JsonValue], list[RowProblem]]:
        """What a row says of its idea, by field; empty cells say nothing."""
        said: dict[str, JsonValue] = {}
        problems: list[RowProblem] = []
        for name, value in line.cells.items():
            if name not in columns:
                columns[name], wrong = self._meant(name)
                if wrong:
                    problems.append(RowProblem(line.header, wrong))
            key = columns[name]
            empty = value is None or (isinstance(value, str) and not value.strip())
            if key is not None and not empty:
                said[key] = value
        return said, problems

    def _meant(self, column: str) -> tuple[str | None, str]:
        """The field that a column is, if it is one; and what is wrong with its name."""
        known = self.known_columns
        plain = column_key(column)
        if plain in known:
            return plain, ""
        if near := get_close_matches(plain, known, n=1, cutoff=LIKE):
            return None, f"the column {column!r:.80} is unknown; is `{near[0]}` meant?"
        return None, ""

    def _answer(self, key: str, value: JsonValue) -> JsonValue:
        if key not in self._fields:
            raise UnknownNameError("field", key, self._fields)
        return parse_answer(self._fields[key], value)

    def _selection(self, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        if not groups:
            raise AnswerError("no model group is named", hint="use --groups or a column `groups`")
        if groups not in self._selections:
            self._selections[groups] = parse_selection(self._bundle, groups)
        return self._selections[groups]

    def _run(self, answers: Mapping[str, JsonValue], mark: str, seen: Counter[bytes]) -> str:
        """The name of the row's run; a row that stands there twice has two runs."""
        said = json.dumps([self._seed, mark, answers], sort_keys=True).encode()
        digest = hashlib.sha256(said).digest()[:12]
        seen[digest] += 1
        own = hashlib.sha256(digest + str(seen[digest]).encode()).hexdigest()[:12]
        return f"{self._batch}.{own}"


def _names(value: JsonValue) -> tuple[str, ...]:
    words: Sequence[object]
    if isinstance(value, str):
        words = value.replace(",", " ").replace(";", " ").split()
    elif isinstance(value, list):
        words = value
    elif value is None:
        words = ()
    else:
        raise AnswerError("`groups` must be names of model groups")
    return tuple(dict.fromkeys(str(word) for word in words))


def _words(error: CallsheetError) -> str:
    return f"{error.message}" + (f" ({error.hint})" if error.hint else "")
