"""Installs a peer where it disturbs nobody: a virtual environment of its own, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

MINUTES = 10

FRAME = " \u00d7\u2500\u2502\u2570\u251c\u25b6"
"""What uv draws around its messages."""


class NotInstalledError(Exception):
    """A peer that cannot be had here, and why."""


def python_of(peer: str, requirements: tuple[str, ...]) -> str:
    """The Python that has this peer and our HTTP client; raises NotInstalledError."""
    wanted = (*requirements, f"httpx2=={version('httpx2')}")
    digest = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()[:12]
    home = _cache() / f"{peer}-{digest}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        _uv("venv", "--quiet", "--python", sys.executable, str(home))
        _uv("pip", "install", "--quiet", "--python", str(python), *wanted)
        (home / "ready").touch()
    return str(python)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "callsheet-benchmarks"


def _uv(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["uv", *arguments], capture_output=True, text=True, check=False, timeout=MINUTES * 60
        )
    except FileNotFoundError:
        raise NotInstalledError("`uv` is not here to install it") from None
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"it took more than {MINUTES} minutes") from None
    if done.returncode:
        raise NotInstalledError(last_line(done.stderr))


def last_line(text: str) -> str:
    """What a process said last, in one line."""
    lines = [line.strip(FRAME).removeprefix("hint: ") for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
