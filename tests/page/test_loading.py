"""How the page loads: all modules at once, and few bytes before the first paint."""

from __future__ import annotations

import re
from threading import Event

from playwright.sync_api import Browser, Route, expect

from tests.page.conftest import OpenPage
from tests.support.page_object import TIMEOUT
from tests.support.serving import Serving

MAX_FIRST_BYTES = 100_000

MODULE_TAG = re.compile(
    r'<(?:link rel="modulepreload" href|script type="module" src)="(/page/[\w.]+)"'
)


def test_all_modules_are_requested_before_the_first_has_arrived(
    browser: Browser, server: Serving
) -> None:
    """Otherwise a slow connection would take a round trip for each link of a chain of imports."""
    modules = MODULE_TAG.findall(server.client.get("/").text)
    requested: list[str] = []
    released = Event()
    paused: list[Route] = []

    def pause(route: Route) -> None:
        if released.is_set():
            route.continue_()
        else:
            paused.append(route)

    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.route(lambda url: url.endswith(tuple(modules)), pause)
        page.goto(server.url, wait_until="commit")
        while not all(any(url.endswith(module) for url in requested) for module in modules):
            page.wait_for_event("request", timeout=TIMEOUT)
        released.set()
        for route in paused:
            route.continue_()
        expect(page.locator("#groups")).to_be_visible(timeout=TIMEOUT)
        assert sorted(requested) == sorted(set(requested)), "nothing is loaded twice"


def test_little_is_loaded_before_the_first_paint(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url)
    sizes = ui.page.evaluate(
        """() => ["navigation", "resource"]
            .flatMap((kind) => performance.getEntriesByType(kind))
            .map((entry) => [entry.name, entry.transferSize])"""
    )
    assert sum(size for _, size in sizes) < MAX_FIRST_BYTES, sizes
