"""The commands by name. A command's file is read only when that command is given."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from callsheet.cli.exit import exit_with, guard_signals
from callsheet.settings import wants_colour

COMMANDS = {
    "run": ("callsheet.cli.run_commands:run", "Write prompts for an idea."),
    "batch": ("callsheet.cli.batch_command:batch", "Write prompts for a sheet of ideas."),
    "groups": (
        "callsheet.cli.catalog_commands:groups",
        "Show the model groups that can be chosen.",
    ),
    "estimate": ("callsheet.cli.catalog_commands:estimate", "Tell tokens and cost before paying."),
    "check": ("callsheet.cli.catalog_commands:check", "Find everything wrong with a workflow."),
    "lint": ("callsheet.cli.catalog_commands:lint", "Check one prompt against its model's rules."),
    "runs": ("callsheet.cli.runs_commands:runs", "List the runs that are kept."),
    "show": ("callsheet.cli.runs_commands:show", "Show a run's prompts."),
    "export": (
        "callsheet.cli.export_command:export",
        "Take a run's prompts to where pictures are made.",
    ),
    "resume": (
        "callsheet.cli.run_commands:resume",
        "Go on with a run that waits, failed or was left.",
    ),
    "retry": ("callsheet.cli.run_commands:retry", "Do a step of a run again."),
    "savings": (
        "callsheet.cli.savings_command:savings",
        "Tell what the choice of groups has saved.",
    ),
    "serve": ("callsheet.cli.serve_command:serve", "Serve the page and the API."),
    "init": ("callsheet.cli.scaffold_commands:init", "Copy a workflow to make it your own."),
    "worker": ("callsheet.cli.ops_commands:worker", "Carry on runs that others hand on."),
    "doctor": (
        "callsheet.cli.ops_commands:doctor",
        "Tell what is found here, and what is missing.",
    ),
    "delete": ("callsheet.cli.runs_commands:delete", "Forget a run for good."),
}


class Commands(click.Group):
    """A group that imports a command when it is named, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from callsheet.errors import UnknownNameError

            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callsheet")
def cli() -> None:
    """Turn one idea into prompts for exactly the image and video models you call on.

    Try it, with no key and no question asked:

      callsheet run --idea "a heron at dawn" --groups sora,leonardo
    """


def main() -> None:
    """Carries out the command line and exits with its status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A prompt may hold any character; a terminal's old encoding must not end the run.
            stream.reconfigure(encoding="utf-8", errors="replace")
    guard_signals()
    colour = None if wants_colour() else False
    with click.Context(cli, color=colour):
        exit_with(lambda: cli(prog_name="callsheet", standalone_mode=False, color=colour))
