"""One line of a terminal that shows the latest words of a text while it is being written."""

from __future__ import annotations

import shutil
import sys

import click

from callsheet.exports.texts import printable

NAME_SHARE = 3
"""A name takes at most one part in so many of the line."""


class LiveLine:
    """The last line on stderr, replaced by each text; nothing is shown where that is no terminal."""

    def __init__(self) -> None:
        self._width = 0
        self._possible = sys.stderr.isatty()

    def show(self, name: str, text: str) -> None:
        """Show a name and as many of the text's last words as fit into the line."""
        if not self._possible:
            return
        # The last column stays free: some terminals begin a new line there.
        columns = shutil.get_terminal_size().columns - 1
        name = printable(name)[: columns // NAME_SHARE]
        words = " ".join(printable(text).split())
        # A character that is not ASCII may take two columns.
        room = (columns - len(name) - 2) // (1 if words.isascii() else 2)
        if len(words) > room:
            words = f"…{words[len(words) - max(room - 1, 0) :]}"
        self.clear()
        click.echo(
            f"{click.style(name, bold=True)}  {click.style(words, dim=True)}", err=True, nl=False
        )
        self._width = columns

    def clear(self) -> None:
        """Remove the line, before anything else is printed."""
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", err=True, nl=False)
            self._width = 0
