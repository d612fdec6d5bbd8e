"""Options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.images import Image
    from callsheet.runs.options import RunOptions

Command = TypeVar("Command", bound="Callable[..., Any]")


def _amount(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("an amount in US dollars, as 0.50", ctx, param)
    return value


def llm_options(command: Command) -> Command:
    """Which LLM writes."""
    for option in (
        click.option(
            "--max-cost",
            type=click.FloatRange(0, 1_000_000),
            callback=_amount,
            metavar="USD",
            help="Send nothing that could cost more in all.",
        ),
        click.option("--base-url", metavar="URL", help="An OpenAI-compatible server of your own."),
        click.option(
            "--llm",
            metavar="SPEC",
            help="offline, paste, openai:NAME, anthropic:NAME, google:NAME or ollama:NAME.",
        ),
    ):
        command = option(command)
    return command


def manner_options(command: Command) -> Command:
    """How questions are treated."""
    for option in (
        click.option("--review", is_flag=True, help="Ask for a review in any case."),
        click.option("--yes", is_flag=True, help="Accept every question that has a default."),
    ):
        command = option(command)
    return command


def result_options(command: Command) -> Command:
    """Where the result goes, and in which form."""
    for option in (
        debug_option,
        click.option(
            "--strict",
            is_flag=True,
            help="Exit 1 where a prompt that is delivered still breaks a rule.",
        ),
        click.option(
            "--output",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Also write prompts.json and prompts.md there.",
        ),
        json_option,
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """One JSON document on stdout."""
    return click.option("--json", is_flag=True, help="Print one JSON document.")(command)


def image_option(command: Command) -> Command:
    """The rendered still."""
    return click.option(
        "--image",
        metavar="FILE",
        callback=_picture,
        help="The rendered still for motion prompts: PNG, JPEG or WebP, up to 5 MB.",
    )(command)


def _picture(ctx: click.Context, param: click.Parameter, value: str | None) -> Image | None:
    del ctx, param
    if value is None:
        return None
    from callsheet.images import open_image

    return open_image(Path(value))


def debug_option(command: Command) -> Command:
    """Where an error arose."""
    # The flag is read where errors end up; commands need not know it.
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Show where an error arose."
    )(command)


def split_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Names separated by commas or spaces; None where the option was not given."""
    del ctx, param
    return None if value is None else tuple(dict.fromkeys(value.replace(",", " ").split()))


def run_options(options: Mapping[str, Any], brief: Mapping[str, str] | None = None) -> RunOptions:
    """The options as what a person said beforehand."""
    from callsheet.runs.options import RunOptions

    return RunOptions(
        llm=options["llm"],
        base_url=options["base_url"],
        brief=brief or {},
        groups=options.get("groups"),
        image=options.get("image"),
        max_cost=options["max_cost"],
        rewrite=options.get("rewrite") or (),
        accept_defaults=options["yes"],
        review=options["review"],
    )


def brief_of(idea: str | None, fields: tuple[str, ...]) -> dict[str, str]:
    """The fields of the brief as they were told on the command line."""
    brief = {"idea": idea} if idea is not None else {}
    for entry in fields:
        key, equals, value = entry.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set wants KEY=VALUE, not {entry!r:.60}")
        brief[key.strip()] = value
    return brief
