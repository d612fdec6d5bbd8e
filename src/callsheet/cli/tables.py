"""Tables of the catalog commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def build_table(*headings: str, **numbers: str) -> Table:
    """An empty table. Only its second column wraps; `numbers` are right-aligned columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for position, heading in enumerate(headings):
        table.add_column(heading, no_wrap=position != 1)
    for heading in numbers.values():
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    """Prints a table on stdout."""
    from rich.console import Console

    Console(highlight=False).print(table)
