"""Brings up workers, and prints the fault matrix at the end: each fault, what was expected and seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import GUARD
from tests.support.worker_starter import WorkerStarter

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def worker_starter() -> Iterator[WorkerStarter]:
    """Where workers come from that begin at once."""
    worker_starter = WorkerStarter(GUARD)
    yield worker_starter
    worker_starter.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each fault that a test did on the wire."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    lines = sorted(
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "matrix"
    )
    if not lines or terminalreporter.verbosity < 0:
        return
    terminalreporter.section("fault matrix")
    for fault, expected, seen in lines:
        verdict = "as expected" if expected == seen else f"but {seen}"
        terminalreporter.write_line(f"{fault:<54} {expected:<36} {verdict}")
