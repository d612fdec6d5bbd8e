"""An assistant at an MCP client: its calls, and the wire of a server on stdin and stdout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client import Client

from callsheet import run_async
from callsheet.exports.texts import named_texts
from callsheet.settings import Settings, read_settings

OLDER = "2025-06-18"
"""The protocol version of clients that know neither forms with several choices nor later things."""


def settings_in(folder: Path, **env: str) -> Settings:
    """The settings of an empty home, and of these variables alone."""
    return read_settings({"CALLSHEET_HOME": str(folder), "HOME": str(folder), **env})


IDEA = "a red bus and two dogs on the left of a blue door"
GROUPS = ["leonardo", "phoenix", "motion_2_0"]


class WatchedVariables(dict[str, str]):
    """Variables of an environment that notes the names that are looked up."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)


async def written(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an assistant writes for the stills of `GROUPS`, and then for the motion."""
    prompts = await drafts(IDEA, GROUPS, "oms", folder / "elsewhere")
    motion = {"motion_2_0": prompts.pop("motion_2_0")}
    return prompts, motion


async def three_groups(
    client: Client, prompts: tuple[dict[str, Any], dict[str, Any]], *, named: bool = True
) -> int:
    """Write for `GROUPS` from nothing; how many calls it took. The groups are named, or asked for."""
    stills, motion = prompts
    groups = {"groups": GROUPS} if named else {}
    begun = await told(client, "begin", idea=IDEA, **groups)
    assert all(model in begun for model in stills)
    assert "SORA_2_A" not in begun
    run = run_of(begun)
    second = await told(client, "submit", run=run, reply={"prompts": stills})
    assert "motion_2_0" in second.partition("---")[2]
    fenced = f"```json\n{json.dumps({'prompts': motion})}\n```"
    last = await told(client, "submit", run=run, reply=fenced)
    assert "Status: succeeded" in last
    texts = [text for _, text in named_texts(stills | motion)]
    assert [text for text in texts if f"```text\n{text}\n```" not in last] == []
    return 3


def findings_in(answer: str) -> list[str]:
    """The numbered findings that an answer asks to mend."""
    return re.findall(r"^\d+\. prompts.*$", answer, re.MULTILINE)


async def drafts(idea: str, groups: list[str], workflow: str, home: Path) -> dict[str, Any]:
    """Prompts for an idea that keep every rule, as an assistant would write them."""
    return dict((await run_async(idea, groups, workflow=workflow, home=home)).prompts)


async def told(client: Client, tool: str, **arguments: Any) -> str:
    """The text that a tool answers; fails where it is an error."""
    answer = await client.call_tool(tool, arguments)
    text = _text(answer)
    assert not answer.is_error, text
    return text


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The text of a tool's error; fails where it is none."""
    answer = await client.call_tool(tool, arguments)
    text = _text(answer)
    assert answer.is_error, text
    return text


def _text(answer: Any) -> str:
    (block,) = answer.content
    return str(block.text)


def run_of(text: str) -> str:
    """The run that an answer names first."""
    return text.partition("Run: ")[2].split()[0]


@dataclass
class Wire:
    """A server process, spoken to line by line as the oldest clients do."""

    home: Path
    lines: list[str] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callsheet", "mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CALLSHEET_HOME": str(self.home)},
        )
        hello = {
            "protocolVersion": OLDER,
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        self.version = self.ask("initialize", hello)["protocolVersion"]
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result of a request; every line of stdout until then is kept."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert self.process.stdout is not None
        while True:
            self.lines.append(self.process.stdout.readline())
            message = json.loads(self.lines[-1])
            if message.get("id") == self._number:
                return message["result"]

    def call(self, tool: str, **arguments: Any) -> str:
        """The text that a tool answers."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return str(result["content"][0]["text"])

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End the process by a signal; its exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def _send(self, message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
