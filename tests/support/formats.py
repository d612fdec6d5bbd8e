"""What a named format finds in a text."""

from __future__ import annotations

from typing import Any

from callsheet.catalog.formats import find_format


def caught(name: str, text: str, **others: Any) -> list[str]:
    """The rules that a text breaks, warnings marked."""
    found = find_format(name)
    assert found is not None
    errors = [rule for rule, _ in found.faults(text, "error", others)]
    return errors + [f"({rule})" for rule, _ in found.faults(text, "warning", others)]
