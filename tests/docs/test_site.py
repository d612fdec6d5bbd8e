"""The documentation builds as a site without warnings, and the site loads nothing from other servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docgen.site_hook import site_markdown
from tests.docs.document_runner import ROOT

LOADING = {"script", "link", "img", "iframe", "source", "video", "audio", "object", "embed"}
ELSEWHERE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
CSS_ADDRESS = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", re.IGNORECASE)


class _LoadedAddresses(HTMLParser):
    """Collects the addresses that a browser loads by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if tag in LOADING and name in ("src", "href", "srcset", "data", "poster"):
                self.found.append(value or "")
            if name == "class" and "mermaid" in (value or "").split():
                self.found.append("//the diagram library of the theme")


def _external_addresses(site: Path) -> Iterator[str]:
    for page in site.rglob("*.html"):
        parser = _LoadedAddresses()
        parser.feed(page.read_text("utf-8"))
        yield from (f"{page.name}: {each}" for each in parser.found if ELSEWHERE.match(each))
    for style in (*site.rglob("*.css"), *site.rglob("*.html")):
        yield from CSS_ADDRESS.findall(style.read_text("utf-8"))


def test_the_site_builds_without_warnings_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    assert not list(_external_addresses(tmp_path))

    titles = {page.stem for page in tmp_path.glob("*.html")}
    assert {"index", "getting-started", "dynamic-model-groups", "contributing"} <= titles
    for page in tmp_path.rglob("*.html"):
        assert "[[[cog" not in page.read_text("utf-8"), page.name


@pytest.mark.parametrize(
    ("source", "markdown", "expected"),
    [
        ("README.md", "[x](docs/cli.md#exit-codes)", "[x](cli.md#exit-codes)"),
        ("README.md", "![x](docs/page.png)", "![x](page.png)"),
        ("docs/index.md", "[x](../README.md)", "[x](getting-started.md)"),
        ("docs/models/sora.md", "[x](../index.md)", "[x](../index.md)"),
        ("docs/models/sora.md", "[x](../../CHANGELOG.md)", "[x](../changelog.md)"),
        ("docs/reliability.md", "[`a`](../tests/faults/test_kill.py)", "`a`"),
        ("docs/index.md", "[x](https://example.org/a)", "[x](https://example.org/a)"),
        ("docs/index.md", "[x](#decisions)", "[x](#decisions)"),
        ("docs/a.md", "```sh\n[x](../README.md)\n```", "```sh\n[x](../README.md)\n```"),
        ("docs/a.md", "```json a/b.json\n{}\n```", '```json title="a/b.json"\n{}\n```'),
        ("docs/a.md", "<!-- [[[cog\nimport cog\n]]] -->\nx\n<!-- [[[end]]] -->\n", "x\n"),
    ],
)
def test_a_page_is_adapted_to_the_site(source: str, markdown: str, expected: str) -> None:
    assert site_markdown(markdown, source) == expected
