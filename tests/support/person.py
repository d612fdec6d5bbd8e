"""A person in front of the page: a real Chromium, told in the words of what a person does."""

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

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""What keeps Chromium from talking to anyone but the page."""

LONGEST = 45_000
"""Milliseconds that anything may take on a busy machine before it counts as never."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of the machine's own; skips where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("the page is looked at with Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*QUIET])
        yield browser
        browser.close()


@dataclass
class Person:
    """One browser window; `wrongs` is what happened that never may."""

    context: BrowserContext
    url: str
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(LONGEST)
        expect.set_options(timeout=LONGEST)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        self.context.on("request", lambda request: self._watch(request.url))
        self.page = self.opens_tab()

    def opens_tab(self, address: str = "/") -> Page:
        """One more tab on the page, drawn."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.wrongs.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.wrongs.append(f"dialog: {dialog.message}"))
        page.on("console", self._listen)
        page.goto(self.url + address)
        expect(page.locator("#call")).to_be_visible()
        return page

    def says(self, idea: str = IDEA) -> None:
        """Writes into the one field that has no default."""
        self.page.get_by_label("What should be shown?").fill(idea)

    def calls(self, *groups: str) -> None:
        """Clicks the rows of these groups."""
        for group in groups:
            self.row(group).click()

    def row(self, group: str) -> Locator:
        """A group's row on the sheet."""
        return self.page.locator("label.group", has=self.page.locator(f"#group-{group}"))

    @property
    def button(self) -> Locator:
        """The one thing to press."""
        return self.page.locator("#press")

    def prompt(self, name: str) -> Locator:
        """A prompt's row, by model or `MODEL.field`."""
        return self.page.locator(f'[id="prompt-{name}"]')

    def reads(self, name: str) -> str:
        """A prompt's text, once it is written."""
        expect(self.copy_of(name)).to_be_visible()
        return self.prompt(name).locator("p.text").first.inner_text()

    def copy_of(self, name: str) -> Locator:
        """The button that copies a prompt."""
        return self.prompt(name).locator("button.copy")

    def clipboard(self) -> str:
        """What a paste would give now."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    @property
    def run(self) -> str:
        """The name of the open run, as the address has it."""
        self.page.wait_for_url(re.compile("#."))
        return self.page.url.partition("#")[2]

    def _watch(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.wrongs.append(f"request to {url}")

    def _listen(self, message: Any) -> None:
        # A refused request is told in the page's own words; the console's line adds nothing.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.wrongs.append(f"console: {message.text}")
