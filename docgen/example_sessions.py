"""Runs commands for the documentation, so that the output it shows is real."""

from __future__ import annotations

import json
import re
import tempfile
import textwrap
from typing import Any

from click.testing import CliRunner

from callsheet.cli.main import cli
from docgen.markdown import fence

IDEA = "a woman reads by a rain-streaked window at dusk"

EXAMPLE_RUN = "quiet-window-3f0a"
"""Stands for the name of a run, which is another each time."""

_RUN = re.compile(r"\b[a-z]+-[a-z]+-[0-9a-f]{4}\b")

_HEADING = re.compile(r"^([A-Z_0-9]+  [\d,]+ characters)$", re.MULTILINE)


def run_command(*words: str, answers: str = "") -> tuple[str, str]:
    """What a command prints in a home of its own: the result alone, and all of it in order."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"CALLSHEET_HOME": home, "CALLSHEET_LLM": None, "COLUMNS": "88"}
        plain = {"NO_COLOR": "1", "FORCE_COLOR": None}
        done = CliRunner(env={**environment, **plain}).invoke(cli, words, input=answers)
    if done.exception is not None:
        raise done.exception
    return _RUN.sub(EXAMPLE_RUN, done.stdout), _RUN.sub(EXAMPLE_RUN, done.output)


def command_output(*words: str) -> str:
    """All that a command prints, as a fence."""
    return fence(run_command(*words)[1])


def readme_run() -> str:
    """The README's first run: the beginning of each prompt, and all that is told around them."""
    result, whole = run_command("run", "--idea", IDEA, "--groups", "sora,leonardo")
    before, *told = _HEADING.split(whole)
    last = _HEADING.split(result)[-1]
    after, told[-1] = told[-1].removeprefix(last), last
    prompts = [
        f"{heading}\n{_first_words(text)}\n"
        for heading, text in zip(told[::2], told[1::2], strict=True)
    ]
    return fence("\n".join([before.rstrip() + "\n", *prompts, after.strip()]))


def _first_words(text: str) -> str:
    """What is to be set, and the first words of a prompt, no wider than a page."""
    told, _, rest = (
        text.strip("\n").partition("\n")
        if text.lstrip("\n").startswith("set: ")
        else ("", "", text)
    )
    prompt = textwrap.fill(textwrap.shorten(rest, 180, placeholder=" …"), 96)
    return f"{told}\n{prompt}" if told else prompt


def json_document(*words: str, answers: str = "") -> str:
    """The JSON document of a command, with its long texts cut."""
    value = _shortened(json.loads(run_command(*words, answers=answers)[0]))
    return fence(json.dumps(value, ensure_ascii=False, indent=2), "json")


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return textwrap.shorten(value, 60, placeholder=" …")
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    return value


def export_output(form: str, groups: str) -> str:
    """What an export prints for a run of its own, each line cut where the page ends."""
    with tempfile.TemporaryDirectory() as home:
        env = {"CALLSHEET_HOME": home, "CALLSHEET_LLM": None}
        runner = CliRunner(env=env)
        for words in (
            ("run", "--idea", IDEA, "--groups", groups),
            ("export", "last", "--format", form),
        ):
            done = runner.invoke(cli, words)
            if done.exception is not None:
                raise done.exception
    return fence("\n".join(_shorten_line(line) for line in done.stdout.splitlines()))


def _shorten_line(line: str) -> str:
    """A line with its long quoted texts cut; a long one without any by its beginning and its end."""
    cut = re.sub(r'"([^"]{20})[^"]+"', r'"\1…"', line)
    return cut if len(cut) < 110 else f"{line[:48]} … {line[-48:]}"  # noqa: PLR2004  # the page


def first_question(*words: str) -> str:
    """The first question that a command puts, as a fence."""
    lines = run_command(*words)[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Select "))
    last = next(number for number, line in enumerate(lines) if line.startswith("Enter "))
    return fence("\n".join(lines[first : last + 1]))
