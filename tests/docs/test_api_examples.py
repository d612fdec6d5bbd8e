"""The examples of the API documentation work against a real server."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.docs.document_runner import fences
from tests.support.cli import Terminal
from tests.support.serving import Serving

DOCUMENTED_URL = "http://127.0.0.1:8420"


def _example(language: str, address: str) -> str:
    found = [
        f.body for f in fences("docs/api.md") if f.language == language and DOCUMENTED_URL in f.body
    ]
    assert len(found) == 1
    return found[0].replace(DOCUMENTED_URL, address.rstrip("/"))


def test_the_shell_example_starts_one_run_when_repeated(terminal: Terminal) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    with Serving(terminal) as server:
        for _ in range(2):
            done = subprocess.run(
                ["sh", "-c", _example("sh", server.url)], capture_output=True, text=True, check=True
            )
            assert done.stdout.count('"run": ') >= 2, done.stdout
        assert len(server.get("/api/runs?search=heron")["runs"]) == 1


def test_the_python_example_watches_and_answers_a_run(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with Serving(terminal) as server:
        exec(compile(_example("python", server.url), "docs/api.md", "exec"), {})  # noqa: S102
        run = server.get("/api/runs")["runs"][0]["run"]
        assert server.until(run)["status"] == "succeeded"
    assert capsys.readouterr().out.strip()
