"""`doctor`: check the settings, the storage and the installation."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import click

from callsheet.cli.options import debug_option, json_option
from callsheet.cli.output import print_json, wrapped
from callsheet.exports.texts import printable


@click.command()
@click.option("--deep", is_flag=True, help="Also read all stored runs and search them for damage.")
@click.option(
    "--llm",
    metavar="SPEC",
    help="Also ask the server of this LLM what it offers. It is asked by GET only; nothing is paid.",
)
@click.option("--base-url", metavar="URL", help="Address of your own OpenAI-compatible server.")
@json_option
@debug_option
def doctor(*, deep: bool, llm: str | None, base_url: str | None, json: bool) -> int:
    """Check the settings, API keys, storage, workers, tokenizer and workflow.

    The exit status is that of the first check that failed.
    """
    if base_url and not llm:
        raise click.UsageError("--base-url needs --llm, such as --llm openai:NAME")
    from callsheet.doctor import examine

    checks, status = asyncio.run(examine(deep=deep, llm=llm, base_url=base_url))
    if json:
        print_json([{**asdict(check), "well": check.well} for check in checks])
        return status
    width = max(len(check.what) for check in checks)
    for check in checks:
        mark = click.style("✓", fg="green") if check.well else click.style("✗", fg="red", bold=True)
        indent = " " * (width + 4)
        lines = wrapped(printable(f"  {check.what:<{width}}  {check.found}"), indent=indent)
        click.echo(f"{mark}{lines[1:]}")
        if check.hint:
            hint = wrapped(printable(f"{indent}{check.hint}"), indent=indent)
            click.echo(click.style(hint, dim=True))
    return status
