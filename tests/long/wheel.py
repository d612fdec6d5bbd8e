"""Install the built wheel in a bare environment: the first command, an MCP session, and `uvx`.

`uv run python -m tests.long.wheel` needs a package index; its latest results stand in `tests/long/README.md`. The
test suite does the same without an index and without `uvx` (`tests/faces/test_wheel.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

CACHE = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
"""Where uv keeps packages; read on import, before a test has a home of its own."""

FIRST = (
    "run",
    "--idea",
    "a woman reads by a rain-streaked window at dusk",
    "--groups",
    "sora,leonardo",
)
MODELS = ("SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A")
TOOLS = {"begin", "submit", "lint"}


def run(*command: str | Path, cwd: Path, stdin: str = "") -> str:
    """A command's stdout; fails where the command does."""
    home = {"HOME": str(cwd), "CALLSHEET_HOME": str(cwd / "runs")}
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    # Compiling every library would take longer than everything else.
    kept |= {"UV_COMPILE_BYTECODE": "0", "UV_CACHE_DIR": CACHE}
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
        [callsheet, "mcp"],
        cwd=folder,
        env={**os.environ, "CALLSHEET_HOME": str(folder / "runs")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
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


def installed(folder: Path, *options: str) -> Path:
    """The wheel, built and installed with the extra `mcp` in a bare environment; its command."""
    run("uv", "build", *options, "--wheel", "--out-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run("uv", "venv", folder / "bare", cwd=folder)
    python = folder / "bare" / "bin" / "python"
    run("uv", "pip", "install", *options, "--python", python, f"{wheel}[mcp]", cwd=folder)
    return python.with_name("callsheet")


def timed(name: str, began: float) -> None:
    print(f"{name}: {time.monotonic() - began:.1f} s")  # noqa: T201


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        callsheet = installed(folder)
        (wheel,) = folder.glob("*.whl")
        timed(f"built {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB, and installed", began)
        began = time.monotonic()
        printed = run(callsheet, *FIRST, cwd=folder)
        assert all(model in printed for model in MODELS)
        timed("first command, three prompts", began)
        began = time.monotonic()
        tools = session(callsheet, folder)
        assert tools >= TOOLS
        timed(f"MCP session, {len(tools)} tools", began)
        began = time.monotonic()
        printed = run("uv", "tool", "run", "--from", wheel, "callsheet", *FIRST, cwd=folder)
        assert all(model in printed for model in MODELS)
        timed("uvx, three prompts", began)
        began = time.monotonic()
        printed = run(
            "uv", "tool", "run", "pipx", "run", "--spec", wheel, "callsheet", *FIRST, cwd=folder
        )
        assert all(model in printed for model in MODELS)
        timed("pipx, three prompts", began)


if __name__ == "__main__":
    main()
