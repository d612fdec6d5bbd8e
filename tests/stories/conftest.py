"""Every story is told over each place that keeps runs, and some once more where workers carry them on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet.settings import read_settings
from callsheet.store.factory import open_store
from callsheet.store.port import Store
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from tests.conftest import GUARD, empty_database
from tests.support.cli import Terminal
from tests.support.run_backends import RunBackend, forget_runs, handed_on
from tests.support.strict_openai import StrictOpenAI
from tests.support.workers import LEASE_SECONDS, workers_on

STORES, WORKERS = ("memory", "sqlite", "postgresql"), "workers"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A story that asks for a place is told over each; one marked `workers`, by a worker too."""
    if "place" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker(WORKERS) is not None
        metafunc.parametrize("place", [*STORES, *([WORKERS] if marked else [])], indirect=True)


@pytest.fixture(scope="session")
def shared_database() -> Iterator[str]:
    """A PostgreSQL database that stories use in turn: making one takes longer than a story."""
    with empty_database() as url:
        yield url


@pytest.fixture(scope="module")
def worked_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL database with a worker, which the stories of a file share."""
    terminal = Terminal(tmp_path_factory.mktemp("worker"), GUARD)
    with empty_database() as url, workers_on(terminal, url) as workers:
        workers.start_worker("--concurrency", "2")
        yield url


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunBackend]:
    """An empty store, and who carries its runs on: whoever begins them, or a worker."""
    settings = read_settings()
    store: Store
    match request.param:
        case "memory":
            store = SqlStore.in_memory()
        case "sqlite":
            store = SqlStore(tmp_path / "kept" / "runs.sqlite")
        case "postgresql":
            url = request.getfixturevalue("shared_database")
            forget_runs(url)
            store = SqlStore(Postgres(url))
        case _:
            url = request.getfixturevalue("worked_database")
            forget_runs(url)
            settings = replace(settings, database_url=url, lease_seconds=LEASE_SECONDS)
            store = open_store(settings)
    yield RunBackend(store, settings, workers=request.param == WORKERS)
    store.close()
    if request.param == WORKERS:
        assert handed_on(url), "the story was not told by the worker"


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    """An LLM's provider on loopback that is as strict as OpenAI."""
    with StrictOpenAI() as running:
        yield running


@pytest.fixture
def writer(terminal: Terminal, server: StrictOpenAI) -> Terminal:
    """A terminal whose LLM is the loopback server."""
    terminal.env |= {"CALLSHEET_BASE_URL": server.url, "CALLSHEET_API_KEY": "sk-any"}
    return terminal
