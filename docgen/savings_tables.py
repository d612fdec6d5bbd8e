"""The tables of `docs/savings.md`: what each group, typical pairs and all groups send and write."""

from __future__ import annotations

from benchmarks.tokens import IMAGE, VIDEO, Row, rows, saved, table
from callsheet import build_schema, load_groups
from callsheet.catalog.schemas import models_in
from callsheet.costs.reply_history import by_schema

PAIRS = (("sora", "leonardo"), ("midjourney", "stable_diffusion"), ("phoenix", "leonardo"))
"""Pairs that people take together: a film frame and a tag list, the two with most to say, one house."""


def input_token_table() -> str:
    """Tokens of each group alone, of typical pairs and of all, beside all."""
    lines = []
    for category in (IMAGE, VIDEO):
        every = rows(category)[-1]
        wanted = [row for row in rows(category) if len(row.groups) == 1 or row.groups in PAIRS]
        lines += [_line(row, every) for row in [*wanted, every]]
    headings = ["groups", "models", "instructions", "schema", "message", "sent", "less than all"]
    return table(headings, lines)


def _line(row: Row, every: Row) -> list[str]:
    alike = row == every
    names = f"all {len(row.groups)} of the category" if alike else " + ".join(row.groups)
    counts = (row.models, row.instructions, row.schema_sent, row.message, row.total)
    share = "" if alike else f"{saved(row.total, every.total)} %"
    return [names, *(f"{count:,}" for count in counts), share]


def output_token_table() -> str:
    """What each model's prompt may take, by its schema."""
    lines = []
    for groups in load_groups().values():
        for group in groups.values():
            for model, schema in models_in(build_schema([group.name])).items():
                span = by_schema(schema)
                lines.append([model, f"{span.low:,}", f"{span.usual:,}", f"{span.high:,}"])
    return table(["model", "least", "middle", "most"], lines)
