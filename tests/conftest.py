"""What every test stands on: an empty home, no key, no network but loopback, no skip in CI."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cli import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

GUARD = Path(__file__).parent / "guard"

runpy.run_path(str(GUARD / "sitecustomize.py"))


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without runs, and an environment without keys or settings."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        ours = name.startswith("CALLSHEET_") and not name.startswith("CALLSHEET_TEST_")
        if ours or name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return home


@pytest.fixture
def terminal(tmp_path: Path, empty_home: Path) -> Terminal:
    """Runs `callsheet` as a person would, in a process of its own."""
    return Terminal(folder=tmp_path, guard=GUARD)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Where everything is installed, a test that skips has failed."""
    report = yield
    if report.skipped and os.environ.get("CALLSHEET_TEST_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped although CALLSHEET_TEST_ALL=1: {report.longrepr}"
    return report
