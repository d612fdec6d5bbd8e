"""Fixtures of the page's tests: a browser and a server per file, a window per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.page_object import PageObject, chromium
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM

OpenPage = Callable[..., PageObject]

NO_SETTINGS = dict.fromkeys(
    (
        "CALLSHEET_LLM",
        "CALLSHEET_BASE_URL",
        "CALLSHEET_API_KEY",
        "CALLSHEET_MAX_COST",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
    ),
    "",
)


@contextmanager
def serving(
    home: Path, *workflows: str, env: Mapping[str, str] | None = None, port: str = "0"
) -> Iterator[Serving]:
    """`callsheet serve` on the runs in this home, with no API key and only these settings."""
    settings = NO_SETTINGS | {"CALLSHEET_HOME": str(home)} | dict(env or {})
    terminal = Terminal(folder=home, guard=GUARD, env=settings)
    with Serving(terminal, (*workflows, "--port", port)) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # While it lives, an event loop runs in this thread: asynchronous tests must come after its end.
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def llm() -> Iterator[SlowLLM]:
    with SlowLLM.running() as slow:
        yield slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The server as `callsheet serve` starts it with nothing configured."""
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page of a server; any violation fails the test at its end."""
    opened: list[PageObject] = []
    with ExitStack() as contexts:

        def open_page(url: str, **options: object) -> PageObject:
            context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})  # type: ignore[arg-type]
            contexts.callback(context.close)
            ui = PageObject(context, url.rstrip("/"))
            opened.append(ui)
            return ui

        yield open_page
    assert [violation for ui in opened for violation in ui.violations] == []


@pytest.fixture
def ui(open_page: OpenPage, server: Serving) -> PageObject:
    """The page, just opened."""
    return open_page(server.url)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where screenshots are kept to be looked at."""
    return Path(__file__).parents[2] / "build" / "page"
