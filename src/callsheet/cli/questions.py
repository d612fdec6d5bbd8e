"""Puts a run's questions to a person: the question on stderr, one line of stdin as the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.cli.output import plain, show_prompts
from callsheet.llm.reply_parser import first_object
from callsheet.questions import MAX_PASTE

if TYPE_CHECKING:
    from callsheet.cli.line_reader import LineReader
    from callsheet.questions import Question

Line = Callable[[], Awaitable[str]]

Meanwhile = Callable[[], Awaitable[None]]

MAX_LINE = 2 * MAX_PASTE


async def ask(
    question: Question, lines: LineReader, meanwhile: Meanwhile, *, again: bool = False
) -> str | None:
    """The person's words, or None at the end of input; `again` repeats only the last line.

    `meanwhile` is awaited while nothing is typed; what it raises ends the wait.
    """

    async def line() -> str:
        return await lines.next(MAX_LINE, meanwhile)

    if again:
        last = wording(question).splitlines()[-1]
        click.echo(last, err=True, nl=question.kind in ("paste", "lines"))
        return await _read(question, line)
    if isinstance(question.show, dict):
        show_prompts(question.show, err=True)
    elif isinstance(question.show, str):
        click.echo(f"\n{plain(question.show)}", err=True)
    click.echo(f"\n{wording(question)}", err=True, nl=False)
    return await _read(question, line)


async def _read(question: Question, line: Line) -> str | None:
    match question.kind:
        case "paste":
            return await _read_paste(line)
        case "lines":
            return await _read_lines(line)
        case _:
            return await _read_line(line)


def as_answer(question: Question, words: str) -> str:
    """A person's words as an answer: of a picture they name the file, and its content is meant.

    Raises AnswerError for a file that is no picture.
    """
    named = words.strip()
    if question.kind != "picture" or named.lower() in ("", "none"):
        return words
    from callsheet.images import open_image

    # A file that is dragged into a terminal comes in quotes, or with its blanks marked.
    quoted = len(named) > 1 and named[0] == named[-1] and named[0] in "'\""
    name = named[1:-1] if quoted else named.replace("\\ ", " ")
    return open_image(Path(name)).base64


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
            default = f" ({question.default})" if question.default else ""
            return "\n".join([question.text, *lines, f"Enter one{default}: "])
        case "picture":
            default = "keeps the one shown before" if question.default else "for none"
            return f"{question.text}\nEnter a file (Enter {default}): "
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


async def _read_line(line: Line) -> str | None:
    words = await line()
    if not words:
        click.echo("", err=True)
        return None
    return words.rstrip("\r\n")


async def _read_lines(line: Line) -> str | None:
    """Everything up to a line with a single full stop, or the end of input."""
    lines: list[str] = []
    while (words := await line()) and words.strip() != ".":
        lines.append(words)
    return "".join(lines).rstrip("\n") or None


async def _read_paste(line: Line) -> str | None:
    """Everything up to the end of the first complete JSON object, or of the input."""
    pasted = ""
    while words := await line():
        pasted += words
        if len(pasted) > MAX_LINE or ("}" in words and first_object(pasted) is not None):
            break
    return pasted or None
