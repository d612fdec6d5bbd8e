"""`serve`: the page and the API, on one port."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from callsheet.cli.exit import debugging
from callsheet.cli.options import debug_option
from callsheet.cli.output import note


@click.command()
@click.argument("workflows", metavar="[WORKFLOW]...", nargs=-1)
@click.option(
    "--host", default="127.0.0.1", help="Where to listen; off this machine a token is asked for."
)
@click.option(
    "--port", default=8420, type=click.IntRange(0, 65_535), help="0 takes any that is free."
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="A further name that the server goes by.",
)
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@debug_option
def serve(workflows: tuple[str, ...], host: str, port: int, **options: Any) -> None:
    """Serve the page and the API for these workflows: names, folders or files (default: built-in)."""
    from callsheet.loader.bundle import built_in_workflows, load_workflow
    from callsheet.settings import read_settings
    from callsheet.web.server import Place, Server

    sources = workflows or tuple(built_in_workflows())
    named = {load_workflow(source).name: source for source in sources}
    server = Server(read_settings(), named, Place(host, port, options["names"]), debug=debugging())

    def begun() -> None:
        click.echo(f"callsheet is at {server.address}")
        if options["show"]:
            click.launch(server.address)

    for run in asyncio.run(server.run(begun)):
        note(f"kept: callsheet resume {run}")
