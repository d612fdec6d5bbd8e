"""Asks a run's questions in the terminal: the question on stderr, the answer on stdin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.cli.output import print_prompts, wrapped
from callsheet.exports.texts import printable
from callsheet.llm.reply_parser import ends_thought, has_object
from callsheet.questions import MAX_PASTE

if TYPE_CHECKING:
    from callsheet.cli.line_reader import LineReader
    from callsheet.questions import Option, Question

ReadLine = Callable[[], Awaitable[str]]

WhileWaiting = Callable[[], Awaitable[None]]

MAX_LINE = 2 * MAX_PASTE

OPEN = "open"
"""What a person enters to leave a field open that has a default."""


async def ask(
    question: Question, lines: LineReader, while_waiting: WhileWaiting, *, again: bool = False
) -> str | None:
    """The text that the user entered, or None at the end of input.

    `while_waiting` is awaited while nothing is entered; an exception that it raises ends the wait.
    With `again`, only the last line of the question is printed.
    """

    async def read_line() -> str:
        return await lines.next(MAX_LINE, while_waiting)

    if again:
        last = question_text(question).splitlines()[-1]
        click.echo(last, err=True, nl=question.kind in ("paste", "lines"))
        return await _read(question, lines, read_line)
    if isinstance(question.show, dict):
        print_prompts(question.show, err=True)
    elif isinstance(question.show, str):
        click.echo(f"\n{printable(question.show)}", err=True)
    head, newline, last = question_text(question).rpartition("\n")
    click.echo(f"\n{wrapped(head, err=True)}{newline}{last}", err=True, nl=False)
    return await _read(question, lines, read_line)


async def _read(question: Question, lines: LineReader, read_line: ReadLine) -> str | None:
    match question.kind:
        case "paste":
            return await _read_paste(lines, read_line)
        case "lines":
            return await _read_lines(read_line)
        case _:
            return await _read_line(read_line)


def parse_input(question: Question, text: str) -> str:
    """The answer that the entered text stands for: for an image, the content of the named file.

    Where a field may be open, `open` leaves it so, and an empty line takes its default. Raises
    AnswerError if the file is not an image.
    """
    path = text.strip()
    if question.may_be_open and path.lower() in ("", OPEN):
        return "" if path else str(question.default or "")
    if question.kind != "picture" or path.lower() in ("", "none"):
        return text
    from callsheet.images import open_image

    # A file dragged into a terminal is inserted in quotes, or with its spaces escaped.
    quoted = len(path) > 1 and path[0] == path[-1] and path[0] in "'\""
    return open_image(Path(path[1:-1] if quoted else path.replace("\\ ", " "))).base64


def question_text(question: Question) -> str:
    """A question with its options, default and instructions."""
    match question.kind:
        case "choices":
            return _choices_text(question)
        case "choice":
            return "\n".join(
                [question.text, *_numbered(question.listed), f"Enter one{_default(question)}: "]
            )
        case "picture":
            enter = "Enter keeps the previous image" if question.default else "Enter for none"
            return f"{question.text}\nEnter a file name ({enter}): "
        case "paste":
            return (
                f"{question.text}\n"
                "(input ends after a complete JSON object or at the end of input)\n"
            )
        case "lines":
            return f"{question.text}\n(end with a line that contains only a full stop)\n"
        case _:
            names = ", ".join(option.name for option in question.options)
            presets = f"Presets: {names}; or enter your own text.\n" if names else ""
            return f"{presets}{question.text}{_default(question)} "


def _choices_text(question: Question) -> str:
    lines = [
        *_single_model_hint(question),
        f"{question.text} (enter numbers separated by commas or spaces):",
        "",
        *_numbered(question.listed),
        "",
    ]
    if len(question.listed) < len(question.options):
        lines.append("(older groups by name; `groups --older` lists them)")
    if isinstance(question.default, list):
        names = ", ".join(str(name) for name in question.default)
        lines.append(f"Previous selection: {names} (Enter keeps it)")
    if question.may_skip:
        lines.append("(enter `none` to skip this step)")
    return "\n".join([*lines, "Enter selection (e.g., 1,3 or 1 3): "])


def _single_model_hint(question: Question) -> Iterator[str]:
    for number, option in enumerate(question.listed, start=1):
        models = question.models.get(option.name, ())
        if len(models) > 1:
            yield f"(one model of a group: {number}/{models[0]} instead of {number})"
            return


def _numbered(options: tuple[Option, ...]) -> list[str]:
    return [
        f"{number}. {option.label}" + (f" - {option.detail}" if option.detail else "")
        for number, option in enumerate(options, start=1)
    ]


def _default(question: Question) -> str:
    if not question.default:
        return " (Enter leaves it open)" if question.may_be_open else ""
    leave = f"; `{OPEN}` leaves it open" if question.may_be_open else ""
    return f" (default: {question.default}{leave})"


async def _read_line(read_line: ReadLine) -> str | None:
    line = await read_line()
    if not line:
        click.echo("", err=True)
        return None
    return line.rstrip("\r\n")


async def _read_lines(read_line: ReadLine) -> str | None:
    """Everything up to a line with a single full stop, or to the end of input."""
    lines: list[str] = []
    while (line := await read_line()) and line.strip() != ".":
        lines.append(line)
    return "".join(lines).rstrip("\n") or None


async def _read_paste(lines: LineReader, read_line: ReadLine) -> str | None:
    """Everything up to the end of the first complete JSON object, or of the input.

    What follows it up to a blank line belongs to the same reply, unless it begins the next one.
    """
    pasted = ""
    while line := await read_line():
        pasted += line
        if len(pasted) > MAX_LINE or ("}" in line and has_object(pasted)):
            break
    while len(pasted) <= MAX_LINE and await lines.continues() and (line := await read_line()):
        if line.lstrip().startswith("{") and not ends_thought(line):
            lines.put_back(line)
            break
        pasted += line
        if not line.strip():
            break
    return pasted or None
