"""What the page's tests share: a browser and a server for each file, a window for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.person import Person, chromium
from tests.support.serving import Serving

Come = Callable[..., Person]

NOTHING_SET = dict.fromkeys(
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
    """`callsheet serve` over the runs in this home, with no key and no setting but these."""
    settings = NOTHING_SET | {"CALLSHEET_HOME": str(home)} | dict(env or {})
    terminal = Terminal(folder=home, guard=GUARD, env=settings)
    with Serving(terminal, (*workflows, "--port", port)) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # While it lives, an event loop runs in this thread: asynchronous tests must come after its end.
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The server as `callsheet serve` starts it with nothing configured."""
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def come(browser: Browser) -> Iterator[Come]:
    """Lets a person come to a server; whatever must never happen fails the test at its end."""
    people: list[Person] = []
    with ExitStack() as leaving:

        def come(url: str, **manner: object) -> Person:
            context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **manner})  # type: ignore[arg-type]
            leaving.callback(context.close)
            person = Person(context, url.rstrip("/"))
            people.append(person)
            return person

        yield come
    assert [wrong for person in people for wrong in person.wrongs] == []


@pytest.fixture
def person(come: Come, server: Serving) -> Person:
    """Someone at a desk who has just opened the page."""
    return come(server.url)


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are kept for people to look at."""
    return Path(__file__).parents[2] / "build" / "page"
