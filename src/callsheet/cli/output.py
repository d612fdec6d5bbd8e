"""How results are printed: each prompt below its model's name, ready to be copied."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from callsheet.exports.texts import (
    coverage_text,
    escape_controls,
    named_texts,
    printable,
    settings_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOTHING_WRITTEN = "no prompt was written, so nothing was saved"

OUTPUT_BASIS = {
    "reported": "as reported",
    "history": "output estimated from your own runs",
    "schema": "output estimated from the limits in the schemas",
}
"""How the output tokens of models that were not written are estimated."""


def print_json(value: Any) -> None:
    """Prints a command's JSON document on stdout."""
    click.echo(escape_controls(json.dumps(value, ensure_ascii=False, indent=2)))


def wrapped(text: str, *, err: bool = False, indent: str = "") -> str:
    """The text, wrapped between words if it goes to a terminal; `indent` is for further lines."""
    if not (sys.stderr if err else sys.stdout).isatty():
        return text
    return "\n".join(
        textwrap.fill(
            line,
            shutil.get_terminal_size().columns,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )


def note(text: str, *, indent: str = "") -> None:
    """Prints a remark on stderr."""
    click.echo(click.style(wrapped(printable(text), err=True, indent=indent), dim=True), err=True)


def note_command(text: str, command: str) -> None:
    """Prints a remark and a command; a command that would not fit is printed on its own line."""
    line = printable(f"{text}: {command}")
    if sys.stderr.isatty() and len(line) > shutil.get_terminal_size().columns:
        line = f"{wrapped(printable(text), err=True)}:\n  {printable(command)}"
    click.echo(click.style(line, dim=True), err=True)


def print_prompts(
    prompts: Mapping[str, Any],
    *,
    settings: Mapping[str, Sequence[str]] | None = None,
    coverage: Mapping[str, Mapping[str, Any]] | None = None,
    err: bool = False,
) -> None:
    """Prints each text with its name and length, unwrapped and unindented so that it can be copied.

    A model's settings are printed above its first text, and how much of the idea it keeps beside.
    """
    for model, prompt in prompts.items():
        kept = _kept_text((coverage or {}).get(model))
        settings_line = settings_sentence((settings or {}).get(model, ()))
        for name, text in named_texts({model: prompt}):
            heading = click.style(name, bold=True, fg="yellow")
            length = click.style(f"{len(text):,} characters{kept}", dim=True)
            kept = ""
            click.echo(f"\n{heading}  {length}", err=err)
            if settings_line:
                line = wrapped(printable(settings_line), err=err, indent="  ")
                click.echo(click.style(line, fg="cyan"), err=err)
                settings_line = ""
            click.echo(printable(text), err=err)


def _kept_text(coverage: Mapping[str, Any] | None) -> str:
    """The facts of the idea that a prompt keeps, where they were checked."""
    if coverage is None or not coverage["checked"]:
        return ""
    return f", {coverage_text(coverage)} facts of the idea"


def print_completed(values: Mapping[str, Any]) -> None:
    """Prints the names of prompts that are complete while others are still being written."""
    for path, value in values.items():
        name, mark = path.partition(".")[2] or path, click.style("✓", fg="green")
        length = click.style(f"{len(str(value)):,} characters", dim=True)
        click.echo(f"{mark} {click.style(printable(name), bold=True)}  {length}", err=True)


def print_document(document: Mapping[str, Any]) -> None:
    """Prints a run's prompts on stdout, and what is found in them on stderr."""
    for prompts in document["prompts"].values():
        print_prompts(prompts, settings=document["settings"], coverage=document["coverage"])
    print_findings(document)


def print_findings(document: Mapping[str, Any]) -> None:
    """Prints rejected texts, the rules that delivered prompts still break, and warnings, on stderr."""
    unchecked = {each["reason"] for each in document["coverage"].values() if not each["checked"]}
    for reason in sorted(unchecked):
        note(f"not checked: {reason}")
    for rejected in document["rejected"]:
        print_prompts({f"{rejected['model']} (rejected)": rejected["text"]}, err=True)
        _print_finding(rejected, "red")
    for problem in document["problems"]:
        _print_finding(problem, "red")
    for warning in document["warnings"]:
        _print_finding(warning, "yellow", "warning: ")
    if unchanged := document.get("unchanged"):
        note(f"rewritten, but nothing changed: {', '.join(unchanged)}")
    if earlier := document.get("from_earlier_still"):
        rewriting = f"callsheet retry {document['run']} --rewrite {','.join(earlier)}"
        text = f"written before {document['still']} was edited: {', '.join(earlier)}; to rewrite"
        note_command(text, rewriting)


def _print_finding(finding: Mapping[str, str], colour: str, severity: str = "") -> None:
    text = f"! {finding['model']}: {severity}{finding['message']} ({finding['rule']})"
    lines = wrapped(printable(text), err=True, indent="  ")
    click.echo(f"{click.style('!', fg=colour, bold=True)}{lines.removeprefix('!')}", err=True)


def summary(document: Mapping[str, Any]) -> str:
    """What a run sent, cost and saved; two lines more if a provider reported its tokens."""
    usage, savings, receipt = document["usage"], document["savings"], document["receipt"]
    lines = []
    wrote = document["status"] != "failed" or any(document["prompts"].values())
    if savings["instruction_tokens_all"] and usage["calls"]:
        sent, every = savings["instruction_tokens"], savings["instruction_tokens_all"]
        saved = f", {savings['percent']:.0f} % saved" if wrote else ""
        lines.append(f"{sent:,} of {every:,} instruction tokens sent{saved}")
    if receipt:
        lines += _receipt_lines(usage, receipt, wrote=wrote)
    elif lines and not wrote:
        lines.append(NOTHING_WRITTEN)
    return "\n".join(lines)


def _receipt_lines(
    usage: Mapping[str, Any], receipt: Mapping[str, Any], *, wrote: bool
) -> Iterator[str]:
    yield f"{counted(usage['calls'], 'call')}: {usage_text(receipt['paid'])}{repairs_text(usage)}"
    every, saved = receipt["all"], receipt["saved"]
    if not wrote:
        yield NOTHING_WRITTEN
        return
    if every["output_from"] == "reported":
        yield "every group was selected, so nothing was saved"
        return
    yield f"all groups: about {usage_text(every)} ({OUTPUT_BASIS[every['output_from']]})"
    yield f"saved: {saved_text(saved)}"
    if (saved["input_cost_usd"] or 0) < 0:
        yield dearer_input_text(saved)


def dearer_input_text(saved: Mapping[str, Any]) -> str:
    """What is said where all groups would have cost less on input."""
    more, output = -saved["input_cost_usd"], saved["cost_usd"] - saved["input_cost_usd"]
    return (
        f"on input alone all groups would have cost {dollars(more)} less, since only they are long"
        f" enough for the provider's cache; fewer outputs saved {dollars(output)}"
    )


def saved_text(saved: Mapping[str, Any]) -> str:
    """The saved tokens, their percentage, and the saved cost if the price is known."""
    cost = "" if saved["cost_usd"] is None else f", {dollars(saved['cost_usd'])}"
    return f"about {saved['tokens']:,} tokens, {saved['percent']:.0f} %{cost}"


def usage_text(usage: Mapping[str, Any]) -> str:
    """Tokens and cost in one line."""
    counts = (
        (usage["cached_input_tokens"], "cached"),
        (usage["cache_write_tokens"], "written to the cache"),
    )
    cached = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    cost = "price unknown" if usage["cost_usd"] is None else dollars(usage["cost_usd"])
    return (
        f"{usage['input_tokens']:,} tokens in{f' ({cached})' if cached else ''},"
        f" {usage['output_tokens']:,} out, {'at most ' if usage['cost_at_most'] else ''}{cost}"
    )


def repairs_text(usage: Mapping[str, Any]) -> str:
    """The part of the tokens that repairs used; empty without repairs."""
    if not usage["repairs"]:
        return ""
    return (
        f"; including {usage['repair_tokens']:,} tokens for {counted(usage['repairs'], 'repair')}"
    )


def counted(number: int, noun: str) -> str:
    """The number with its noun in singular or plural: `1 call`, `2 calls`."""
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def dollars(amount: float) -> str:
    """An amount in US dollars; four decimals below one dollar."""
    return f"${amount:.4f}" if abs(amount) < 1 else f"${amount:,.2f}"
