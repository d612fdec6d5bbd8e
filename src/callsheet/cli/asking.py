"""Puts a run's questions to a person: the question on stderr, one line of stdin as the answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from callsheet.cli.printing import plain, show_prompts
from callsheet.errors import InputError
from callsheet.llm.replies import first_object
from callsheet.questions import MAX_PASTE

if TYPE_CHECKING:
    from callsheet.questions import Question

MAX_LINE = 2 * MAX_PASTE


def ask(question: Question, *, again: bool = False) -> str | None:
    """The person's words, or None at the end of input; `again` repeats only the last line."""
    if again:
        lines = wording(question).splitlines()
        click.echo(lines[-1], err=True, nl=question.kind in ("paste", "lines"))
        return _read(question)
    if isinstance(question.show, dict):
        show_prompts(question.show, err=True)
    elif isinstance(question.show, str):
        click.echo(f"\n{plain(question.show)}", err=True)
    click.echo(f"\n{wording(question)}", err=True, nl=False)
    return _read(question)


def _read(question: Question) -> str | None:
    match question.kind:
        case "paste":
            return _read_paste()
        case "lines":
            return _read_lines()
        case _:
            return _read_line()


def wording(question: Question) -> str:
    """A question as it is put to a person."""
    match question.kind:
        case "choices":
            lines = [
                f"{question.text} (enter numbers separated by commas or spaces):",
                "",
                *(f"{n}. {o.label} - {o.detail}" for n, o in enumerate(question.options, start=1)),
                "",
            ]
            if isinstance(question.default, list):
                names = ", ".join(str(name) for name in question.default)
                lines.append(f"Chosen before: {names} (Enter keeps them)")
            if question.may_skip:
                lines.append("(`none` goes on without)")
            return "\n".join([*lines, "Enter selection (e.g., 1,3 or 1 3): "])
        case "choice":
            lines = [
                f"{n}. {o.label}" + (f" - {o.detail}" if o.detail else "")
                for n, o in enumerate(question.options, start=1)
            ]
            return "\n".join([question.text, *lines, f"Enter one ({question.default}): "])
        case "paste":
            return f"{question.text}\n(a complete JSON object or the end of input ends it)\n"
        case "lines":
            return (
                f"{question.text}\n(a line with a single full stop, or the end of input, ends it)\n"
            )
        case _:
            default = f" ({question.default})" if question.default else ""
            names = ", ".join(option.name for option in question.options)
            named = f"One of {names}; or your own words.\n" if names else ""
            return f"{named}{question.text}{default} "


def _read_line() -> str | None:
    line = _read_line_raw()
    if not line:
        click.echo("", err=True)
        return None
    return line.rstrip("\r\n")


def _read_lines() -> str | None:
    """Everything up to a line with a single full stop, or the end of input."""
    lines: list[str] = []
    while (line := _read_line_raw()) and line.strip() != ".":
        lines.append(line)
    return "".join(lines).rstrip("\n") or None


def _read_paste() -> str | None:
    """Everything up to the end of the first complete JSON object, or of the input."""
    pasted = ""
    while line := _read_line_raw():
        pasted += line
        if len(pasted) > MAX_LINE or ("}" in line and first_object(pasted) is not None):
            break
    return pasted or None


def _read_line_raw() -> str:
    try:
        return sys.stdin.readline(MAX_LINE)
    except UnicodeDecodeError as error:
        raise InputError("the answer is not UTF-8 text", hint="send UTF-8") from error
