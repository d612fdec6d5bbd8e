"""How results look in a terminal: each prompt under its model's name, ready to be copied."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from callsheet.exports.texts import named_texts, settings_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
        told = settings_sentence((settings or {}).get(model, ()))
        for name, text in named_texts({model: prompt}):
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
    """What a run sent, paid and saved: one line, and two more where a provider told its tokens."""
    usage, savings, receipt = document["usage"], document["savings"], document["receipt"]
    lines = []
    if savings["instruction_tokens_all"] and usage["calls"]:
        sent, every = savings["instruction_tokens"], savings["instruction_tokens_all"]
        lines.append(
            f"{sent:,} of {every:,} instruction tokens sent, {savings['percent']:.0f} % saved"
        )
    if receipt:
        lines += [*_receipt(usage, receipt)]
    return "\n".join(lines)


def _receipt(usage: Mapping[str, Any], receipt: Mapping[str, Any]) -> Iterator[str]:
    calls = f"{usage['calls']} call" + ("s" if usage["calls"] != 1 else "")
    yield f"{calls}: {bill(receipt['paid'])}{repaired(usage)}"
    every, saved = receipt["all"], receipt["saved"]
    if every["output_from"] == "reported":
        yield "these are all groups: nothing was left out"
        return
    yield f"all groups: about {bill(every)} ({BASIS[every['output_from']]})"
    money = "" if saved["cost_usd"] is None else f", {dollars(saved['cost_usd'])}"
    yield f"saved: about {saved['tokens']:,} tokens, {saved['percent']:.0f} %{money}"


BASIS = {
    "reported": "as reported",
    "history": "output estimated from your own runs",
    "schema": "output estimated from the schemas' bounds",
}
"""Where an output that was not written comes from, in words."""


def bill(told: Mapping[str, Any]) -> str:
    """Tokens and price in one line."""
    cached = f" ({told['cached_input_tokens']:,} cached)" if told["cached_input_tokens"] else ""
    cost = "price unknown" if told["cost_usd"] is None else dollars(told["cost_usd"])
    return f"{told['input_tokens']:,} tokens in{cached}, {told['output_tokens']:,} out, {cost}"


def repaired(usage: Mapping[str, Any]) -> str:
    """What repairs took of it, where there were any."""
    if not usage["repairs"]:
        return ""
    count = f"{usage['repairs']} repair" + ("s" if usage["repairs"] != 1 else "")
    return f"; of it {usage['repair_tokens']:,} tokens for {count}"


def dollars(amount: float) -> str:
    """An amount, with as many digits as small ones need."""
    return f"${amount:.4f}" if abs(amount) < 1 else f"${amount:,.2f}"
