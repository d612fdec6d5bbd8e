"""Parses the rows of a sheet: each becomes a run with its answers and name, or a list of problems.

A run's name is a hash of the row's content, so that the same row is the same run next time, and a
changed row is another.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from callsheet.batches.sheet_reader import column_key
from callsheet.call_options import NO_OPTIONS
from callsheet.errors import AnswerError, CallsheetError, InputError, UnknownNameError
from callsheet.loader.rendering import still_question
from callsheet.modules.support.slow_patterns import pattern_places
from callsheet.questions import parse_answer
from callsheet.runs.inputs import brief_fields, check_still, parse_selection, required_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.batches.sheet_reader import SheetReader, SheetRow
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.runs.service import RunSetup

GROUPS, ID, STILL = "groups", "id", "still"

OPEN = "open"
"""The cell that leaves a field open; an empty one takes the default."""

MIN_SIMILARITY = 0.75
"""How similar a column must be to a field to count as a misspelling of it."""


@dataclass(frozen=True)
class Row:
    """One idea: its row number, its cells as read, and the answers and name of its run."""

    number: int
    id: str
    cells: Mapping[str, JsonValue]
    groups: tuple[str, ...]
    answers: Mapping[str, JsonValue]
    run: str

    @property
    def label(self) -> str:
        """How messages name the row."""
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
    """Groups and brief fields of all rows that do not say otherwise."""

    groups: tuple[str, ...] = ()
    brief: Mapping[str, str] = field(default_factory=dict)


class RowParser:
    """Parses the lines of a sheet; raises InputError where the defaults do not fit.

    The runs are named after the batch; `seed` is a hash of all that their prompts depend on beside
    the rows.
    """

    def __init__(
        self, bundle: WorkflowBundle, defaults: RowDefaults, batch: str, seed: str
    ) -> None:
        self._bundle = bundle
        self._defaults = defaults
        self._batch, self._seed = batch, seed
        self._fields = brief_fields(bundle)
        self._required = required_fields(bundle)
        self._still = still_question(bundle)
        self._shared = {key: self._answer(key, value) for key, value in defaults.brief.items()}
        self._selections: dict[tuple[str, ...], dict[str, JsonValue]] = {}
        if defaults.groups:
            self._selection(defaults.groups)

    @property
    def known_columns(self) -> list[str]:
        """The column names that have a meaning."""
        return [*self._fields, GROUPS, ID, *([STILL] if self._still else [])]

    def open_choices(self, row: Row) -> list[str]:
        """Return the fields that a row leaves open, and whose value the LLM then chooses."""
        chosen = self._bundle.definition.workflow.results.chosen
        names = (
            [name for name in chosen if name in self._fields] if isinstance(chosen, dict) else []
        )
        return [name for name in names if row.answers.get(name, self._fields[name].default) == ""]

    def rows(self, sheet: SheetReader) -> Iterator[Row | list[RowProblem]]:
        """Yield every row in order, or its problems."""
        seen: Counter[bytes] = Counter()
        ids: dict[str, int] = {}
        columns: dict[str, str | None] = {}
        for line in sheet.lines():
            if line.problem:
                yield [RowProblem(line.number, line.problem)]
                continue
            parsed = self._parse(line, columns, seen)
            if isinstance(parsed, Row) and parsed.id:
                first = ids.setdefault(parsed.id, parsed.number)
                if first != parsed.number:
                    message = f"has the id {parsed.id!r:.80} of row {first}"
                    parsed = [RowProblem(parsed.number, message)]
            yield parsed

    def _parse(
        self, line: SheetRow, columns: dict[str, str | None], seen: Counter[bytes]
    ) -> Row | list[RowProblem]:
        fields, problems = self._fields_of(line, columns)
        answers = dict(self._shared)
        for key, value in fields.items():
            if key in (GROUPS, ID, STILL):
                continue
            try:
                answers[key] = self._answer(key, value)
            except InputError as error:
                problems.append(RowProblem(line.number, _describe(error)))
        for key in self._required:
            if key not in answers and key not in fields:
                problems.append(RowProblem(line.number, f"has no `{key}`"))
        groups: tuple[str, ...] = ()
        try:
            groups = _names(fields.get(GROUPS)) or self._defaults.groups
            answers |= self._selection(groups)
            answers |= self._still_answer(fields, answers)
        except InputError as error:
            problems.append(RowProblem(line.number, _describe(error)))
        if problems:
            return problems
        value = fields.get(ID)
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        row_id = text.strip()
        run = self._run(answers, row_id, seen)
        return Row(line.number, row_id, line.cells, groups, answers, run)

    def _fields_of(
        self, line: SheetRow, columns: dict[str, str | None]
    ) -> tuple[dict[str, JsonValue], list[RowProblem]]:
        """Return a row's values by field, without empty cells, and the problems of its columns."""
        fields: dict[str, JsonValue] = {}
        problems: list[RowProblem] = []
        for name, value in line.cells.items():
            if name not in columns:
                columns[name], problem = self._field_for(name)
                if problem:
                    problems.append(RowProblem(line.header, problem))
            key = columns[name]
            empty = value is None or (isinstance(value, str) and not value.strip())
            if key is not None and self._leaves_open(key, line, value):
                fields[key] = ""
            elif key is not None and not empty:
                fields[key] = value
        return fields, problems

    def _leaves_open(self, key: str, line: SheetRow, value: JsonValue) -> bool:
        question = self._fields.get(key)
        if question is None or not question.may_be_open or not isinstance(value, str):
            return False
        return value.strip().lower() == ("" if line.typed else OPEN)

    def _field_for(self, column: str) -> tuple[str | None, str]:
        """Return the field that a column names, if any, and what is wrong with the name."""
        known = self.known_columns
        name = column_key(column)
        if name in known:
            return name, ""
        if near := get_close_matches(name, known, n=1, cutoff=MIN_SIMILARITY):
            return None, f"the column {column!r:.80} is unknown; is `{near[0]}` meant?"
        return None, ""

    def _answer(self, key: str, value: JsonValue) -> JsonValue:
        if key not in self._fields:
            raise UnknownNameError("field", key, self._fields)
        with pattern_places(self._bundle.resources):
            return parse_answer(self._fields[key], value)

    def _selection(self, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        if not groups:
            raise AnswerError("no model group is named", hint="use --groups or a column `groups`")
        if groups not in self._selections:
            self._selections[groups] = parse_selection(self._bundle, groups)
        return self._selections[groups]

    def _still_answer(
        self, fields: Mapping[str, JsonValue], answers: Mapping[str, JsonValue]
    ) -> dict[str, JsonValue]:
        """Return the answer that a row's still is; raises InputError where it is not written."""
        if self._still is None or STILL not in fields:
            return {}
        still = str(fields[STILL]).strip()
        check_still(self._bundle, still, answers)
        return {self._still[1]: still}

    def _run(self, answers: Mapping[str, JsonValue], row_id: str, seen: Counter[bytes]) -> str:
        """Return the name of the row's run; a row that occurs twice has two runs."""
        content = json.dumps([self._seed, row_id, answers], sort_keys=True).encode()
        digest = hashlib.sha256(content).digest()[:12]
        seen[digest] += 1
        suffix = hashlib.sha256(digest + str(seen[digest]).encode()).hexdigest()[:12]
        return f"{self._batch}.{suffix}"


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


def _describe(error: CallsheetError) -> str:
    return f"{error.message}" + (f" ({error.hint})" if error.hint else "")


def batch_title(title: str) -> str:
    """The first part of the batch's name: its title, or the sheet's file name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "batch"


def settings_hash(defaults: RowDefaults, setup: RunSetup) -> str:
    """Hash everything that the prompts of all rows depend on beside the rows themselves."""
    shared: list[Any] = [
        setup.digest,
        setup.llm.spec,
        setup.base_url,
        defaults.groups,
    ]
    # The tier changes no prompt: a batch can be continued at another one.
    asked = replace(setup.call_options, tier=None)
    if asked != NO_OPTIONS:
        shared.append(asdict(asked))
    return hashlib.sha256(
        json.dumps([*shared, sorted(defaults.brief.items())]).encode()
    ).hexdigest()
