"""`serve`: serve the web page and the HTTP API on one port."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from callsheet.cli.exit import debug_requested
from callsheet.cli.options import debug_option, listen_options
from callsheet.cli.output import note, note_command


@click.command()
@click.argument("workflows", metavar="[WORKFLOW]...", nargs=-1)
@listen_options(8420, remark=" Any other than the loopback address requires a token.")
@click.option(
    "--token/--no-token",
    "token_check",
    default=None,
    help="Demand a token from everyone, that of CALLSHEET_TOKEN or a new one; or check nobody on"
    " the loopback address (default: only the user who started the server).",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
@debug_option
def serve(workflows: tuple[str, ...], host: str, port: int, **options: Any) -> None:
    """Serve the web page and the HTTP API.

    Each WORKFLOW is a name, a folder or a file (default: the built-in workflows).
    """
    from callsheet.loader.bundle import built_in_workflows, load_workflow
    from callsheet.settings import read_settings
    from callsheet.web.server import ListenAddress, Server

    sources = workflows or tuple(built_in_workflows())
    named = {load_workflow(source).name: source for source in sources}
    server = Server(
        read_settings(),
        named,
        ListenAddress(host, port, options["names"]),
        debug=debug_requested(),
        token_check=options["token_check"],
    )
    if server.serves_all_users:
        note("every user of this machine can use this server; to demand a token: --token")

    def on_start() -> None:
        click.echo(f"callsheet is running at {server.printed_address}")
        if options["open_browser"]:
            click.launch(server.address_with_token)

    for run in asyncio.run(server.run(on_start)):
        note_command("run interrupted; to resume it", f"callsheet resume {run}")
