"""Markdown tables and fenced blocks for generated documentation."""

from __future__ import annotations


def table(headings: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    rows = [headings, ["---"] * len(headings), *lines]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows
    )


def fence(text: str, language: str = "text") -> str:
    """Return a fenced block without trailing spaces."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join([f"```{language}", *lines, "```", ""])
