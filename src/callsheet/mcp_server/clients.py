"""How MCP clients are told about the server: the snippet for each, to be pasted by a person."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _command() -> list[str]:
    """How the server is started: absolute, because clients start it with a bare PATH."""
    found = shutil.which("callsheet")
    return [found, "mcp"] if found else [sys.executable, "-m", "callsheet", "mcp"]


def _entry(command: Sequence[str], env: Mapping[str, str]) -> dict[str, object]:
    entry: dict[str, object] = {"command": command[0], "args": [*command[1:]]}
    return entry | ({"env": dict(env)} if env else {})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _servers(command: Sequence[str], env: Mapping[str, str]) -> str:
    return _json({"mcpServers": {"callsheet": _entry(command, env)}})


def _vscode(command: Sequence[str], env: Mapping[str, str]) -> str:
    return _json({"servers": {"callsheet": {"type": "stdio", **_entry(command, env)}}})


def _claude_code(command: Sequence[str], env: Mapping[str, str]) -> str:
    import shlex

    told = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    return shlex.join(["claude", "mcp", "add", "callsheet", *told, "--", *command])


CLIENTS: Mapping[str, tuple[str, Callable[[Sequence[str], Mapping[str, str]], str]]] = {
    "claude-desktop": (
        "claude_desktop_config.json (Settings, Developer, Edit Config), then restart it",
        _servers,
    ),
    "claude-code": ("a shell", _claude_code),
    "cursor": (".cursor/mcp.json", _servers),
    "vscode": (".vscode/mcp.json", _vscode),
}
"""Each client: where its snippet belongs, and how it is written."""


def snippet(client: str, home: str) -> tuple[str, str]:
    """Where the snippet of a client belongs, and its text; `home` is where runs are stored."""
    place, write = CLIENTS[client]
    return place, write(_command(), {"CALLSHEET_HOME": home})
