"""The table of commands. A command's module is imported only when that command is given."""

from __future__ import annotations

from importlib import import_module

import click

from callsheet.cli.exit import install_signal_handlers, run_and_exit
from callsheet.cli.streams import prepare_streams
from callsheet.settings import wants_colour, without_pydantic_plugins

COMMANDS = {
    "run": ("callsheet.cli.run_commands:run", "Write prompts for an idea."),
    "batch": ("callsheet.cli.batch_command:batch", "Write prompts for a sheet of ideas."),
    "groups": ("callsheet.cli.groups_command:groups", "List the model groups."),
    "estimate": ("callsheet.cli.estimate_command:estimate", "Estimate tokens and cost."),
    "check": ("callsheet.cli.validation_commands:check", "Validate a workflow."),
    "lint": (
        "callsheet.cli.validation_commands:lint",
        "Check a prompt against its model's rules.",
    ),
    "runs": ("callsheet.cli.runs_commands:runs", "List the stored runs."),
    "show": ("callsheet.cli.runs_commands:show", "Show the prompts of a run."),
    "note": ("callsheet.cli.note_command:note", "Keep a title, a note or images with a run."),
    "export": (
        "callsheet.cli.export_command:export",
        "Export the prompts of a run for other tools.",
    ),
    "resume": (
        "callsheet.cli.run_commands:resume",
        "Resume a waiting, failed or interrupted run.",
    ),
    "retry": ("callsheet.cli.run_commands:retry", "Repeat a step of a run."),
    "savings": (
        "callsheet.cli.savings_command:savings",
        "Report the tokens and cost saved by selecting groups.",
    ),
    "serve": ("callsheet.cli.serve_command:serve", "Serve the web page and the HTTP API."),
    "mcp": ("callsheet.cli.mcp_command:mcp", "Serve an assistant over MCP."),
    "skill": ("callsheet.cli.scaffold_commands:skill", "Write an Agent Skill for assistants."),
    "init": ("callsheet.cli.scaffold_commands:init", "Copy a workflow to customize it."),
    "worker": ("callsheet.cli.worker_command:worker", "Execute queued runs."),
    "doctor": (
        "callsheet.cli.doctor_command:doctor",
        "Check the settings, the storage and the installation.",
    ),
    "delete": ("callsheet.cli.runs_commands:delete", "Delete a run permanently."),
}
"""Each command's function and the summary that `callsheet --help` shows."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is named, so that `--help` stays fast."""

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
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from callsheet.errors import UnknownNameError

            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callsheet")
def cli() -> None:
    """Turn one idea into prompts for exactly the image and video models you choose.

    This example needs no API key:

      callsheet run --idea "a heron at dawn" --groups sora,leonardo
    """


def main() -> None:
    """Runs the command line and exits with its status."""
    without_pydantic_plugins()
    prepare_streams()
    install_signal_handlers()
    colour = None if wants_colour() else False
    with click.Context(cli, color=colour):
        run_and_exit(lambda: cli(prog_name="callsheet", standalone_mode=False, color=colour))
