"""What every test stands on: an empty home, no key, no network but loopback, no skip in CI."""

from __future__ import annotations

import os
import runpy
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import postgres
from tests.support.cli import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

# On a machine that does other work too, a wall clock judges nothing.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

GUARD = Path(__file__).parent / "guard"

runpy.run_path(str(GUARD / "sitecustomize.py"))


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores, for a third of the time goes into waiting for others."""
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2


def pytest_configure(config: pytest.Config) -> None:
    """All processes of a test session share one PostgreSQL, begun when a test first needs it."""
    if not hasattr(config, "workerinput"):
        os.environ[postgres.FOLDER] = tempfile.mkdtemp(prefix="callsheet-postgres-")
        os.environ[f"{postgres.FOLDER}_PID"] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Its keeper ends it with this process; where it was not begun, its folder is empty."""
    if not hasattr(config, "workerinput"):
        with suppress(OSError):
            Path(os.environ[postgres.FOLDER]).rmdir()


@contextmanager
def empty_database() -> Iterator[str]:
    """An empty PostgreSQL database; where there is no server, the test is skipped."""
    server = postgres.server_url()
    if server is None:
        pytest.skip(postgres.MISSING)
    with postgres.new_database(server) as url:
        yield url


@pytest.fixture
def database_url() -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    with empty_database() as url:
        yield url


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server that the test may end and begin again."""
    if postgres.programs() is None:
        pytest.skip(postgres.MISSING)
    with postgres.own_server() as server:
        yield server


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without runs, and an environment without keys or settings."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        ours = name.startswith("CALLSHEET_") and not name.startswith("CALLSHEET_TEST_")
        if ours or name.endswith(("_API_KEY", "_BASE_URL", "OLLAMA_HOST")):
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
