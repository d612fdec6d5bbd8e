"""Loads the store's SQL: one file of named statements, read once."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def load_statements() -> dict[str, str]:
    """Each statement of `queries.sql` by its name."""
    text = files("callsheet.store").joinpath("queries.sql").read_text("utf-8")
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}
