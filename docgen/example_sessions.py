"""Runs commands for the documentation, so that it shows real output."""

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
"""The name that replaces random run names."""

_RUN = re.compile(r"\b[a-z]+-[a-z]+-[0-9a-f]{4}\b")

_HEADING = re.compile(r"^([A-Z_0-9]+  [\d,]+ characters.*)$", re.MULTILINE)


def run_command(*words: str, answers: str = "") -> tuple[str, str]:
    """Return what a command prints with a new store: stdout, and stdout with stderr in order."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"CALLSHEET_HOME": home, "CALLSHEET_LLM": None, "COLUMNS": "88"}
        plain = {"NO_COLOR": "1", "FORCE_COLOR": None}
        result = CliRunner(env={**environment, **plain}).invoke(cli, words, input=answers)
    if result.exception is not None:
        raise result.exception
    return _RUN.sub(EXAMPLE_RUN, result.stdout), _RUN.sub(EXAMPLE_RUN, result.output)


def command_output(*words: str) -> str:
    """Return all output of a command as a code block."""
    return fence(run_command(*words)[1])


def readme_run() -> str:
    """Return the output of the README's first command, with shortened prompts."""
    result, whole = run_command("run", "--idea", IDEA, "--groups", "sora,leonardo")
    before, *parts = _HEADING.split(whole)
    last = _HEADING.split(result)[-1]
    after, parts[-1] = parts[-1].removeprefix(last), last
    prompts = [
        f"{heading}\n{_first_words(text)}\n"
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    ]
    return fence("\n".join([before.rstrip() + "\n", *prompts, after.strip()]))


def _first_words(text: str) -> str:
    """Return the settings line and the first words of a prompt."""
    settings, _, rest = (
        text.strip("\n").partition("\n")
        if text.lstrip("\n").startswith("set: ")
        else ("", "", text)
    )
    prompt = textwrap.fill(textwrap.shorten(rest, 180, placeholder=" …"), 96)
    return f"{settings}\n{prompt}" if settings else prompt


def json_document(*words: str, answers: str = "") -> str:
    """Return the JSON output of a command with shortened texts."""
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
    """Return an export of a new run with shortened lines."""
    with tempfile.TemporaryDirectory() as home:
        env = {"CALLSHEET_HOME": home, "CALLSHEET_LLM": None}
        runner = CliRunner(env=env)
        for words in (
            ("run", "--idea", IDEA, "--groups", groups),
            ("export", "last", "--format", form),
        ):
            result = runner.invoke(cli, words)
            if result.exception is not None:
                raise result.exception
    return fence("\n".join(_shorten_line(line) for line in result.stdout.splitlines()))


def _shorten_line(line: str) -> str:
    """Return a line with shortened quoted texts, or only its beginning and end."""
    cut = re.sub(r'"([^"]{20})[^"]+"', r'"\1…"', line)
    return cut if len(cut) < 110 else f"{line[:48]} … {line[-48:]}"  # noqa: PLR2004  # the page


def first_question(*words: str) -> str:
    """Return the first question of a command as a code block."""
    lines = run_command(*words)[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Select "))
    last = next(number for number, line in enumerate(lines) if line.startswith("Enter "))
    return fence("\n".join(lines[first : last + 1]))
