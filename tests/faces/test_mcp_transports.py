"""Assistants reach the server over stdio and HTTP, and nobody else does; a kill loses nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import LATEST_PROTOCOL_VERSION

from callsheet.mcp_server.clients import snippet
from tests.support.cli import Terminal
from tests.support.mcp_client import (
    GROUPS,
    IDEA,
    OLDER,
    Wire,
    refused,
    run_of,
    three_groups,
    written,
)

TOOLS = {
    "list_groups", "begin", "submit", "write", "lint", "estimate", "show", "search", "retry", "export",
}  # fmt: skip

VERSIONS = [LATEST_PROTOCOL_VERSION, OLDER]


def speaking(version: str, monkeypatch: pytest.MonkeyPatch, *, forms: bool) -> dict[str, Any]:
    """Options of the SDK's client for this protocol version, that shows forms or does not."""
    # In its older mode the client offers the newest of the older versions alone.
    monkeypatch.setattr("mcp.client.session.LATEST_HANDSHAKE_VERSION", OLDER)
    mode = "auto" if version == LATEST_PROTOCOL_VERSION else "legacy"
    return {"mode": mode} | ({"elicitation_callback": _choose} if forms else {})


async def _choose(_: Any, form: Any) -> mcp_types.ElicitResult:
    assert form.requested_schema["properties"]["groups"]["items"]["anyOf"]
    return mcp_types.ElicitResult(action="accept", content={"groups": GROUPS})


async def write_from_nothing(client: Client, version: str, prompts: Any, *, forms: bool) -> int:
    """Write for three groups that nobody named at first; how many calls it took."""
    assert client.protocol_version == version
    if forms and version != OLDER:
        return await three_groups(client, prompts, named=False)
    # The form of 2025-06-18 has no field of several choices: the assistant asks.
    assert "Ask the user" in await refused(client, "begin", idea=IDEA)
    return 1 + await three_groups(client, prompts)


@pytest.mark.parametrize("version", VERSIONS)
async def test_over_stdio_as_its_snippet_says_three_groups_take_at_most_four_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal, version: str
) -> None:
    _, printed = snippet("claude-desktop", str(tmp_path / "home"))
    entry = json.loads(printed)["mcpServers"]["callsheet"]
    process = StdioServerParameters(
        command=entry["command"], args=entry["args"], env=terminal.environment() | entry["env"]
    )
    forms = version == VERSIONS[0]
    options = speaking(version, monkeypatch, forms=forms)
    prompts = await written(tmp_path)
    async with Client(stdio_client(process), **options) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        assert await write_from_nothing(client, version, prompts, forms=forms) <= 4


def test_a_kill_between_begin_and_submit_loses_nothing_and_stdout_holds_the_protocol_alone(
    tmp_path: Path,
) -> None:
    stills, _ = asyncio.run(written(tmp_path))
    first = Wire(tmp_path / "home")
    assert first.version == OLDER
    run = run_of(first.call("begin", idea=IDEA, groups=["leonardo"]))
    assert first.kill() == -signal.SIGKILL

    second = Wire(tmp_path / "home")
    only = json.dumps({"prompts": {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}})
    assert "Status: succeeded" in second.call("submit", run=run, reply=only)
    assert second.kill(signal.SIGTERM) in (0, 128 + signal.SIGTERM)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in first.lines + second.lines)


def test_each_client_gets_its_snippet_and_an_unknown_one_the_known_clients(
    terminal: Terminal,
) -> None:
    for client, key in (
        ("claude-desktop", "mcpServers"),
        ("cursor", "mcpServers"),
        ("vscode", "servers"),
    ):
        entry = json.loads(snippet(client, "/runs")[1])[key]["callsheet"]
        assert Path(entry["command"]).is_absolute()
        assert entry["env"] == {"CALLSHEET_HOME": "/runs"}
    assert terminal("mcp", "config", "claude-code").out.startswith("claude mcp add callsheet --env")
    unknown = terminal("mcp", "config", "cursr")
    assert (unknown.status, "known: cursor" in unknown.err) == (2, True)


def test_without_the_extra_the_command_says_what_to_install(terminal: Terminal) -> None:
    # A file of that name in the current folder hides the library, as a missing one would be.
    (terminal.folder / "mcp.py").write_text("raise ModuleNotFoundError('mcp')", "utf-8")
    missing = terminal("mcp")
    assert missing.status == 2
    assert 'pip install "callsheet[mcp]"' in missing.err


@contextmanager
def served(terminal: Terminal) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server over HTTP, and the header that it wants."""
    process = subprocess.Popen(
        terminal.command("mcp", "--http", "--port", "0"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        token = process.stdout.readline().split()[-1]
        yield url, {"Authorization": f"Bearer {token}"}
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


async def test_over_http_every_client_with_the_token_writes_and_nobody_else_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    prompts = await written(tmp_path)
    with served(terminal) as (url, bearer):
        for version in VERSIONS:
            for forms in (True, False):
                options = speaking(version, monkeypatch, forms=forms)
                async with (
                    httpx2.AsyncClient(headers=bearer, trust_env=False) as http,
                    Client(streamable_http_client(url, http_client=http), **options) as client,
                ):
                    assert await write_from_nothing(client, version, prompts, forms=forms) <= 4
        await _refuses_strangers(url, bearer)


async def _refuses_strangers(url: str, bearer: dict[str, str]) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    token = bearer["Authorization"].split()[-1]
    strangers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        {**bearer, "Host": "elsewhere.example"},
        {**bearer, "Origin": "https://elsewhere.example"},
        {**bearer, "Sec-Fetch-Site": "cross-site"},
    )
    async with httpx2.AsyncClient(trust_env=False, headers=accept) as http:
        answers = [await http.post(url, json=ask, headers=headers) for headers in strangers]
        answers.append(await http.post(f"{url}?token={token}", json=ask))
        answers.append(await http.get(url.removesuffix("/mcp") + f"/?token={token}"))
        answers.append(await http.post(url, content=b" " * 11_000_000, headers=bearer))
    assert [each.status_code for each in answers] == [401, 401, 403, 403, 403, 401, 404, 413]
