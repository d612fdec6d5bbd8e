"""Drives the page in a real Chromium by what a user does and sees."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

IDEA = "a woman reads by a rain-streaked window at dusk"

CHROMIUM_ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""They keep Chromium from connecting to anything but the page."""

TIMEOUT = 45_000
"""Milliseconds that anything may take on a busy machine."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed browser; skips the test if there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("the page's tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGS])
        yield browser
        browser.close()


@dataclass
class PageObject:
    """One browser window; `violations` records what must never happen."""

    context: BrowserContext
    url: str
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(TIMEOUT)
        expect.set_options(timeout=TIMEOUT)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        self.context.on("request", lambda request: self._check_request(request.url))
        self.page = self.open_tab()

    def open_tab(self, address: str = "/") -> Page:
        """One more tab with the page, rendered."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.violations.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.violations.append(f"dialog: {dialog.message}"))
        page.on("console", self._check_console)
        page.goto(self.url + address)
        expect(page.locator("#groups")).to_be_visible()
        return page

    def enter_idea(self, idea: str = IDEA) -> None:
        """Fills the one field without a default."""
        self.unfold("brief")
        self.page.get_by_label("What should be shown?").fill(idea)

    def unfold(self, section: str) -> None:
        """Opens the brief or the groups of an open run, if they are folded to a line."""
        line = self.page.locator(f"#{section}-fold")
        if line.is_visible() and line.get_attribute("aria-expanded") == "false":
            line.click()

    def select_groups(self, *groups: str) -> None:
        """Clicks the rows of these groups."""
        self.unfold("groups")
        for group in groups:
            self.group_row(group).click()

    def group_row(self, group: str) -> Locator:
        """A group's row in the group picker."""
        return self.page.locator("label.group", has=self.page.locator(f"#group-{group}"))

    @property
    def primary_button(self) -> Locator:
        """The button of the next action."""
        return self.page.locator("#primary-button")

    def prompt_card(self, name: str) -> Locator:
        """A prompt's card, by model or `MODEL.field`."""
        return self.page.locator(f'[id="prompt-{name}"]')

    def prompt_text(self, name: str) -> str:
        """A prompt's text, once it is written."""
        expect(self.copy_button(name)).to_be_visible()
        return self.prompt_card(name).locator("p.text").first.inner_text()

    def copy_button(self, name: str) -> Locator:
        """The button that copies a prompt."""
        return self.prompt_card(name).locator("button.copy")

    def clipboard(self) -> str:
        """The text in the clipboard."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    @property
    def run_name(self) -> str:
        """The open run, as the address names it."""
        self.page.wait_for_url(re.compile("#."))
        return self.page.url.partition("#")[2]

    def _check_request(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.violations.append(f"request to {url}")

    def _check_console(self, message: Any) -> None:
        # The page reports a refused request itself; the browser's own line adds nothing.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.violations.append(f"console: {message.text}")
