"""Install the built wheel in a bare environment: the first command, an MCP session, and `uvx`.

`uv run python -m tests.long.wheel` needs a package index, so it is no part of the test suite; its latest results
stand in `tests/long/README.md`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST = (
    "run",
    "--idea",
    "a woman reads by a rain-streaked window at dusk",
    "--groups",
    "sora,leonardo",
)


def run(*command: str | Path, cwd: Path, stdin: str = "") -> str:
    """A command's stdout; fails where the command does."""
    home = {"HOME": str(cwd), "CALLSHEET_HOME": str(cwd / "runs")}
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **home},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def session(callsheet: Path, folder: Path) -> set[str]:
    """The tools that the installed server names over stdin and stdout."""
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    messages = (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
    )
    process = subprocess.Popen(
        [callsheet, "mcp"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for message in messages:
        process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    replies = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.stdin.close()
    process.wait(60)
    process.stdout.close()
    return {tool["name"] for tool in replies[1]["result"]["tools"]}


def timed(name: str, began: float) -> None:
    print(f"{name}: {time.monotonic() - began:.1f} s")  # noqa: T201


def main() -> None:
    uv = ("uv",)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        run(*uv, "build", "--wheel", "--out-dir", folder, ROOT, cwd=folder)
        (wheel,) = folder.glob("*.whl")
        timed(f"built {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB", began)
        began = time.monotonic()
        run(*uv, "venv", folder / "bare", cwd=folder)
        python = folder / "bare" / "bin" / "python"
        run(*uv, "pip", "install", "--python", python, f"{wheel}[mcp]", cwd=folder)
        timed("installed with the extra mcp", began)
        callsheet = python.with_name("callsheet")
        began = time.monotonic()
        printed = run(callsheet, *FIRST, cwd=folder)
        assert all(model in printed for model in ("SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"))
        timed("first command, three prompts", began)
        began = time.monotonic()
        tools = session(callsheet, folder)
        assert {"begin", "submit", "lint"} <= tools
        timed(f"MCP session, {len(tools)} tools", began)
        began = time.monotonic()
        printed = run(*uv, "tool", "run", "--from", wheel, "callsheet", *FIRST, cwd=folder)
        assert "LEONARDO_ANIME_XL_A" in printed
        timed("uvx, three prompts", began)


if __name__ == "__main__":
    main()
