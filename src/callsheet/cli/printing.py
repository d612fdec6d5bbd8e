"""How results look in a terminal: each prompt under its model's name, ready to be copied."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from callsheet.app.exports import set_this, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text without characters that would steer a terminal."""
    return _CONTROL.sub("", text)


def as_json(value: Any) -> None:
    """The one JSON document of a command, on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """Something a person should know, on stderr."""
    click.echo(click.style(plain(text), dim=True), err=True)


def show_prompts(
    prompts: Mapping[str, Any],
    *,
    settings: Mapping[str, Sequence[str]] | None = None,
    err: bool = False,
) -> None:
    """Every prompt with its name and length, unbroken and unindented, so that it can be copied.

    Above a model's first text stands what is to be set outside it.
    """
    for model, prompt in prompts.items():
        told = set_this((settings or {}).get(model, ()))
        for name, text in texts({model: prompt}):
            heading = click.style(name, bold=True, fg="yellow")
            length = click.style(f"{len(text):,} characters", dim=True)
            click.echo(f"\n{heading}  {length}", err=err)
            if told:
                click.echo(click.style(plain(told), fg="cyan"), err=err)
                told = ""
            click.echo(plain(text), err=err)


def show_finished(values: Mapping[str, Any]) -> None:
    """The names of the prompts that are just written, while the others still are, on stderr."""
    for path, value in values.items():
        name, mark = path.partition(".")[2] or path, click.style("✓", fg="green")
        length = click.style(f"{len(str(value)):,} characters", dim=True)
        click.echo(f"{mark} {click.style(plain(name), bold=True)}  {length}", err=True)


def show_document(document: Mapping[str, Any]) -> None:
    """A run's prompts on stdout, and on stderr what else there is to say of it."""
    for prompts in document["prompts"].values():
        show_prompts(prompts, settings=document["settings"])
    show_problems(document)


def show_problems(document: Mapping[str, Any]) -> None:
    """The rules that delivered prompts still break, on stderr."""
    for problem in document["problems"]:
        mark = click.style("!", fg="red", bold=True)
        text = f"{problem['model']}: {problem['message']} ({problem['rule']})"
        click.echo(f"{mark} {plain(text)}", err=True)


def summary(document: Mapping[str, Any]) -> str:
    """What a run sent and saved, in one line."""
    usage, savings = document["usage"], document["savings"]
    parts = []
    if savings["instruction_tokens_all"] and usage["calls"]:
        sent, every = savings["instruction_tokens"], savings["instruction_tokens_all"]
        parts.append(
            f"{sent:,} of {every:,} instruction tokens sent, {savings['percent']:.0f} % saved"
        )
    if usage["input_tokens"]:
        calls = f"{usage['calls']} call" + ("s" if usage["calls"] != 1 else "")
        cost = "price unknown" if usage["cost_usd"] is None else f"${usage['cost_usd']:.4f}"
        parts.append(
            f"{calls}, {usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out, {cost}"
        )
    return "; ".join(parts)
