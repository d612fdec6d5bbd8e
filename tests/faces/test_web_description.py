"""The description at /openapi.json is true: no 5xx, and no answer that it does not tell of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.cli import Terminal
from tests.support.serving import Serving

CONFIG = Path(__file__).parents[1] / "support" / "schemathesis.toml"

EXAMPLES = "3"
"""Of each route and kind of request; what a suite that is run often can bear."""


def test_random_requests_find_no_server_error_and_no_undocumented_answer(
    terminal: Terminal,
) -> None:
    with Serving(terminal) as server:
        server.until(server.start("sora", review=True))
        command = (
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG)),
            *("run", f"{server.url}openapi.json", "--checks", "all", "--no-color"),
            *("--phases", "coverage,fuzzing,stateful", "--max-examples", EXAMPLES),
            # A stream has no end to be judged by; tests/faults/test_web_streams.py reads it.
            *("--exclude-path", "/api/events", "--generation-database", ":memory:"),
            # With two, CPython 3.11's parser now and then fails inside the tool itself.
            *("--workers", "1"),
        )
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=terminal.folder, check=False
        )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-1_000:]


def test_every_route_is_described_with_what_it_takes_and_answers(terminal: Terminal) -> None:
    with Serving(terminal) as server:
        report = server.get("/openapi.json")
    operations = [each for path in report["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    for each in operations:
        assert each["summary"]
        assert {"401", "403", "503"} <= set(each["responses"])
