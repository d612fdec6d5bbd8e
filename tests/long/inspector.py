"""List and call the tools with MCP Inspector's command line, over stdio and over HTTP with a token.

`uv run python -m tests.long.inspector` needs Node.js and npm's registry; its latest results stand in
`tests/long/README.md`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callsheet import run
from tests.support.mcp_client import run_of

VERSION = "2.12.0"
INSPECTOR = ("npx", "--yes", f"@modelcontextprotocol/inspector@{VERSION}", "--cli")
SERVER = (sys.executable, "-m", "callsheet", "mcp")
TOKEN = "a-token-for-the-inspector"  # noqa: S105  # of a server that lives for seconds
IDEA = "a red bus and two dogs on the left of a blue door"
TOOLS = {
    "list_groups", "begin", "submit", "write", "lint", "estimate", "show", "search", "retry", "export",
}  # fmt: skip


class Inspector:
    """The inspector's command line, with what it needs to reach one server."""

    def __init__(self, name: str, *target: str) -> None:
        self.name, self.target, self.calls, self.began = name, target, 0, time.monotonic()

    def __call__(self, method: str, *options: str) -> Any:
        """The result of a request; fails where the inspector reports a protocol error."""
        done = subprocess.run(
            [*INSPECTOR, *self.target, "--method", method, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or "tool_is_error" in done.stderr, done.stdout + done.stderr
        self.calls += 1
        return json.loads(done.stdout)

    def told(self, tool: str, *, error: bool = False, **arguments: object) -> str:
        """The text that a tool answers."""
        pairs = [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in arguments.items()
        ]
        options = [word for pair in pairs for word in ("--tool-arg", pair)]
        result = self("tools/call", "--tool-name", tool, *options)
        assert bool(result.get("isError")) is error, result
        (block,) = result["content"]
        return str(block["text"])


def judge(ask: Inspector, drafts: dict[str, Any]) -> None:
    """Lists and calls what the server has; fails where an answer is not as promised."""
    # Strict: a schema that some host or provider cannot read is an error.
    assert {tool["name"] for tool in ask("tools/list", "--strict")["tools"]} == TOOLS
    assert "phoenix" in ask.told("list_groups")
    assert "Ask the user" in ask.told("begin", idea=IDEA, error=True)
    begun = ask.told("begin", idea=IDEA, groups=["phoenix"])
    run_name = run_of(begun)
    done = ask.told("submit", run=run_name, reply={"prompts": drafts})
    assert "Status: succeeded" in done
    assert all(text in ask.told("show", run=run_name) for text in drafts.values())
    templates = ask("resources/templates/list")["resourceTemplates"]
    assert {"callsheet://runs/{run}"} <= {each["uriTemplate"] for each in templates}
    assert ask("resources/read", "--uri", f"callsheet://runs/{run_name}")["contents"]
    assert [each["name"] for each in ask("prompts/list")["prompts"]] == ["write_for"]
    seconds = (time.monotonic() - ask.began) / ask.calls
    print(f"{ask.name}: {ask.calls} requests, {seconds:.1f} s each")  # noqa: T201


@contextmanager
def over_http() -> Iterator[Inspector]:
    server = subprocess.Popen(
        [*SERVER, "--http", "--port", "0"],
        env={**os.environ, "CALLSHEET_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = re.search("http://.*", server.stdout.readline())
        assert found is not None
        header = ("--header", f"Authorization: Bearer {TOKEN}")
        yield Inspector("HTTP with a token", found[0], *header)
    finally:
        server.terminate()
        server.wait(60)


def main() -> None:
    if shutil.which("npx") is None:
        sys.exit("npx is not installed: install Node.js 20 or later, https://nodejs.org")
    with tempfile.TemporaryDirectory() as folder:
        drafts = dict(run(IDEA, ["phoenix"], home=Path(folder) / "drafts").prompts)
        os.environ["CALLSHEET_HOME"] = folder
        judge(Inspector("stdio", *SERVER), drafts)
        with over_http() as ask:
            judge(ask, drafts)


if __name__ == "__main__":
    main()
