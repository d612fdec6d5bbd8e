"""The table of `docs/savings.md` that states how long each model's prompt can be."""

from __future__ import annotations

from callsheet import build_schema, load_groups
from callsheet.catalog.schemas import models_in
from callsheet.costs.reply_history import by_schema
from docgen.markdown import table


def output_token_table() -> str:
    """Return the range of output tokens that each model's schema allows."""
    lines = []
    for groups in load_groups().values():
        for group in groups.values():
            for model, schema in models_in(build_schema([group.name])).items():
                span = by_schema(schema)
                lines.append([model, f"{span.low:,}", f"{span.usual:,}", f"{span.high:,}"])
    return table(["model", "minimum", "typical", "maximum"], lines)
