"""Options that several commands share."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from callsheet.call_options import EFFORTS, HIGHEST_TEMPERATURE, TIERS, CallOptions
from callsheet.fidelity import MODES
from callsheet.settings import LONGEST_TIMEOUT, MOST_OUTPUT_TOKENS, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.images import Image
    from callsheet.runs.options import RunOptions
    from callsheet.settings import Settings

Command = TypeVar("Command", bound="Callable[..., Any]")

RUN_HELP = "RUN is a run's name, an unambiguous prefix of it, or `last`."


def _reject_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("must be a number, such as 0.50", ctx, param)
    return value


idea_check_option = click.option(
    "--idea-check",
    type=click.Choice(MODES),
    help="What a prompt that loses part of the idea is: an error (strict, the default), a warning"
    " (warn), or not checked (off).",
)


def listen_options(port: int, *, when: str = "", remark: str = "") -> Callable[[Command], Command]:
    """Where a server listens, by default at this port; `when` says when that counts."""
    options = (
        click.option(
            "--host",
            default="127.0.0.1",
            metavar="ADDRESS",
            help=f"Address to listen on{when} (default: 127.0.0.1).{remark}",
        ),
        click.option(
            "--port",
            default=port,
            type=click.IntRange(0, 65_535),
            metavar="PORT",
            help=f"Port to listen on{when} (default: {port}); 0 for any free port.",
        ),
        click.option(
            "--allow-host",
            "names",
            multiple=True,
            metavar="NAME",
            help=f"Another host name under which the server may be reached{when}.",
        ),
    )

    def with_options(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


tier_option = click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="Service tier of OpenAI and Google: flex costs half and may wait for minutes; flex,standard"
    " pays the standard price where flex has no room.",
)


def _seconds_option(name: str, help_text: str) -> Callable[[Command], Command]:
    """An option that limits a time; 0 is no limit."""
    return click.option(
        name,
        type=click.FloatRange(0, LONGEST_TIMEOUT),
        callback=_reject_nan,
        metavar="SECONDS",
        help=help_text,
    )


max_output_tokens_option = click.option(
    "--max-output-tokens",
    type=click.IntRange(1, MOST_OUTPUT_TOKENS),
    metavar="N",
    help="The most tokens that a reply may have (default: as many as the schema needs).",
)


def llm_options(command: Command) -> Command:
    """Adds the options that select the LLM and limit its cost."""
    for option in (
        click.option(
            "--max-cost",
            type=click.FloatRange(0, 1_000_000),
            callback=_reject_nan,
            metavar="USD",
            help="Budget: send no call that could exceed this total.",
        ),
        max_output_tokens_option,
        _seconds_option(
            "--idle-timeout",
            "Longest that a call may go without receiving anything; 0 is no limit. Default: 60, or"
            " 600 for a server of your own.",
        ),
        _seconds_option(
            "--timeout",
            "Longest that a call may take in all; 0 is no limit. Default: 120, or 3600 for a server"
            " of your own.",
        ),
        click.option(
            "--temperature",
            type=click.FloatRange(0, HIGHEST_TEMPERATURE),
            callback=_reject_nan,
            metavar="NUMBER",
            help="How freely the LLM writes, from 0 to 2, where it takes that.",
        ),
        click.option(
            "--effort",
            type=click.Choice(EFFORTS),
            help="How much the LLM thinks before it writes, where it takes that.",
        ),
        tier_option,
        click.option(
            "--base-url", metavar="URL", help="Address of your own OpenAI-compatible server."
        ),
        click.option(
            "--llm",
            metavar="SPEC",
            help="offline, paste, or PROVIDER:NAME, such as openai:gpt-5.2; the providers:"
            " openai, anthropic, google, ollama, openrouter, mistral, groq, deepseek, xai.",
        ),
    ):
        command = option(command)
    return command


def question_options(command: Command) -> Command:
    """Adds the options that control which questions are asked."""
    for option in (
        click.option("--review", is_flag=True, help="Always ask for a review of the prompts."),
        click.option(
            "--yes", is_flag=True, help="Accept every default; ask only questions without one."
        ),
    ):
        command = option(command)
    return command


def result_options(command: Command) -> Command:
    """Adds the options that control where the result is written, and in which form."""
    for option in (
        debug_option,
        idea_check_option,
        click.option(
            "--strict",
            is_flag=True,
            help="Exit with 1 if a delivered prompt still breaks a rule.",
        ),
        click.option(
            "--output",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Also write prompts.json and prompts.md to this folder.",
        ),
        json_option,
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """Adds --json."""
    return click.option("--json", is_flag=True, help="Print one JSON document.")(command)


def image_option(command: Command) -> Command:
    """Adds --image."""
    return click.option(
        "--image",
        metavar="FILE",
        callback=_open_image,
        help="Rendered still for the video prompts: PNG, JPEG or WebP, at most 5 MB.",
    )(command)


def still_option(command: Command) -> Command:
    """Adds --still."""
    return click.option(
        "--still",
        metavar="MODEL",
        help="Image model whose still the motion prompts are written for (default: the first).",
    )(command)


def _open_image(ctx: click.Context, param: click.Parameter, value: str | None) -> Image | None:
    del ctx, param
    if value is None:
        return None
    from callsheet.images import open_image

    return open_image(Path(value))


workflow_option = click.option(
    "--workflow",
    default="oms",
    metavar="WORKFLOW",
    help="Name, folder or file of the workflow (default: oms).",
)


def debug_option(command: Command) -> Command:
    """Adds --debug, which is read where errors are reported; commands do not receive it."""
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )(command)


def split_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """The distinct names, separated by commas or spaces; None if the option was not given."""
    del ctx, param
    return None if value is None else tuple(dict.fromkeys(value.replace(",", " ").split()))


def build_settings(options: Mapping[str, Any]) -> Settings:
    """The settings of the environment, with those that the command line gives."""
    names = ("timeout", "idle_timeout", "max_output_tokens")
    given = {name: options[name] for name in names if options.get(name) is not None}
    return replace(read_settings(), **given)


def build_call_options(options: Mapping[str, Any]) -> CallOptions:
    """How the LLM is asked, as the command line says."""
    return CallOptions(options["tier"], options["effort"], options["temperature"])


def build_run_options(
    options: Mapping[str, Any], brief: Mapping[str, str] | None = None
) -> RunOptions:
    """The parsed command-line options as RunOptions."""
    from callsheet.runs.options import RunOptions

    return RunOptions(
        llm=options["llm"],
        base_url=options["base_url"],
        brief=brief or {},
        groups=options.get("groups"),
        image=options.get("image"),
        still=options.get("still"),
        max_cost=options["max_cost"],
        idea_check=options["idea_check"],
        call_options=build_call_options(options),
        rewrite=options.get("rewrite") or (),
        wish=options.get("wish") or "",
        accept_defaults=options["yes"],
        review=options["review"],
    )


def parse_brief(idea: str | None, fields: tuple[str, ...]) -> dict[str, str]:
    """The fields of the brief that --idea and --set gave; raises UsageError."""
    brief = {"idea": idea} if idea is not None else {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"--set requires KEY=VALUE, not {field!r:.60}")
        brief[key.strip()] = value
    return brief


today_option = click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Compute ages as of this date (default: today).",
)


def date_or_today(given: datetime | None) -> date:
    """The date that --today gave, else today's in UTC."""
    return (given or datetime.now(UTC)).date()
