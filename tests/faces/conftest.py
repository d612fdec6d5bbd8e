"""A server and a terminal with the same runs, for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.serving import Serving


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A terminal whose runs are those of the server."""
    return Terminal.with_own_runs(tmp_path_factory.mktemp("served"), GUARD)


@pytest.fixture(scope="module")
def server(home: Terminal) -> Iterator[Serving]:
    with Serving(home) as serving:
        yield serving
