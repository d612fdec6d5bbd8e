"""Makes the fixtures of older stores with the code of that time, and reads them.

`python -m tests.support.older_stores NAME COMMIT` checks out the commit, makes a store with its command
line, and saves it as `tests/fixtures/stores/NAME.sql.gz`, with what that code showed of it as `NAME.json`.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.loopback import Hang, Status
from tests.support.strict_openai import StrictOpenAI

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "fixtures" / "stores"

SHOWN = ("status", "brief", "prompts")
"""What is saved of each run's document; other keys came later."""

HOST = "another-machine"
"""The name that takes the place of this machine's."""

DONE, ASKING, FAILED, CUT = (
    ("run", "--idea", "a heron at dawn", "--groups", "sora,leonardo"),
    ("run", "--idea", "an empty pier at night", "--groups", "leonardo", "--review"),
    ("run", "--idea", "a fox in the snow", "--groups", "sora", "--llm", "openai:any"),
    ("run", "--idea", "a lighthouse in fog", "--groups", "sora", "--llm", "openai:any"),
)
BATCH = ("batch", "ideas.csv", "--groups", "leonardo", "--output", "out.csv")


def stores() -> list[str]:
    """The names of all fixtures, oldest first."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def restore(name: str, path: Path) -> dict[str, Any]:
    """Writes the store of a fixture to a file; what its code showed of each run, newest first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as store:
        store.executescript(gzip.decompress((FOLDER / f"{name}.sql.gz").read_bytes()).decode())
    shown: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return shown


class _Past:
    """The command line of an older commit, with a store and a provider."""

    def __init__(self, code: Path, folder: Path, provider: StrictOpenAI) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(code / "src"),
            "CALLSHEET_HOME": str(folder / "home"),
            "CALLSHEET_BASE_URL": provider.url,
            "CALLSHEET_API_KEY": "key",
        }

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "callsheet", *words],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self, *words: str, status: int = 0) -> str:
        process = self.begin(*words)
        out, _ = process.communicate(timeout=120)
        if process.returncode != status:
            raise RuntimeError(f"{words} ended with {process.returncode}")
        return out


def _work(past: _Past, folder: Path, provider: StrictOpenAI) -> None:
    """One run of each kind, and a batch where there were any."""
    past.end(*DONE)
    past.end(*ASKING, status=3)
    provider.fail(Status(401))
    past.end(*FAILED, status=5)
    before = len(provider.requests)
    provider.fail(Hang())
    process = past.begin(*CUT)
    while len(provider.requests) == before:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    if "batch" in past.end("--help"):
        (folder / "ideas.csv").write_text("idea\na heron at dawn\nan owl in a barn\n", "utf-8")
        past.end(*BATCH)


def make(name: str, commit: str) -> None:
    """Saves a fixture."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, StrictOpenAI() as provider:
        folder, code = Path(temporary), Path(temporary) / "code"
        subprocess.run(
            ["git", "worktree", "add", "-q", "--detach", code, commit], cwd=ROOT, check=True
        )
        try:
            past = _Past(code, folder, provider)
            _work(past, folder, provider)
            file = folder / "home" / "runs.sqlite"
            with closing(sqlite3.connect(file)) as store:
                dump = "\n".join(store.iterdump()) + "\n"
                runs = store.execute("select run from runs order by started desc, run desc")
                documents = {run: json.loads(past.end("show", run, "--json")) for (run,) in runs}
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", code], cwd=ROOT, check=True)
    dump = dump.replace(socket.gethostname(), HOST)
    shown = {run: {key: each[key] for key in SHOWN} for run, each in documents.items()}
    (FOLDER / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))
    (FOLDER / f"{name}.json").write_text(json.dumps(shown, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    make(*sys.argv[1:])
