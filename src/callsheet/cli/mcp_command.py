"""`mcp`: let an assistant write prompts with callsheet, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, listen_options
from callsheet.cli.output import note
from callsheet.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from callsheet.mcp_server.run_tools import RunTools


@click.group(invoke_without_command=True)
@click.option("--http", is_flag=True, help="Serve over HTTP at /mcp, instead of stdin and stdout.")
@listen_options(8421, when=" with --http")
@debug_option
@click.pass_context
def mcp(context: click.Context, /, *, http: bool, **options: Any) -> None:
    """Serve callsheet to an assistant over MCP: it writes the prompts, callsheet checks them.

    No key is needed. An MCP client starts this command itself; `callsheet mcp config CLIENT` prints
    what to tell it. Over HTTP every request needs the token that is printed, or CALLSHEET_TOKEN.
    """
    if context.invoked_subcommand is None:
        runs = _open_runs()
        try:
            asyncio.run(_serve_http(runs, options) if http else _serve_stdio(runs))
        finally:
            runs.service.store.close()


@mcp.command()
@click.argument("client")
def config(client: str) -> None:
    """Print what to tell an MCP client: claude-desktop, claude-code, cursor or vscode.

    No file is changed.
    """
    from callsheet.mcp_server.clients import CLIENTS, snippet
    from callsheet.settings import read_settings

    if client not in CLIENTS:
        raise UnknownNameError("MCP client", client, CLIENTS)
    place, text = snippet(client, str(read_settings().home))
    note(f"for {place}:")
    click.echo(text)


def _open_runs() -> RunTools:
    try:
        import mcp  # noqa: F401  # is it installed?
    except ModuleNotFoundError as error:
        raise InputError(
            "the MCP server needs the extra `mcp`, which is not installed",
            hint='pip install "callsheet[mcp]"',
        ) from error
    from callsheet.mcp_server.run_tools import RunTools
    from callsheet.settings import read_settings

    return RunTools(read_settings())


async def _serve_stdio(runs: RunTools) -> None:
    from callsheet.mcp_server.server import build_server

    await build_server(runs).run_stdio_async()


async def _serve_http(runs: RunTools, options: dict[str, Any]) -> None:
    from callsheet.mcp_server.http import McpHttpServer
    from callsheet.mcp_server.server import build_server
    from callsheet.web.server import ListenAddress

    place = ListenAddress(options["host"], options["port"], options["names"])
    server = McpHttpServer(build_server(runs), runs.settings, place)

    def on_start() -> None:
        click.echo(f"callsheet serves MCP at {server.url}")
        token = server.token if server.token_is_new else "the token in CALLSHEET_TOKEN"
        click.echo(f"send the header Authorization: Bearer {token}")

    await server.run(on_start)
