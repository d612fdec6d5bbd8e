"""Prepares the documentation for MkDocs: adds the pages at the root, and adapts links and code blocks.

The Markdown files stay readable without the site. Links to files that are no pages become text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

ROOT_PAGES = {
    "README.md": "getting-started.md",
    "DYNAMIC_MODEL_GROUPS.md": "dynamic-model-groups.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files at the root of the repository, and their names in the site."""

_SOURCES = {page: source for source, page in ROOT_PAGES.items()}

_COG = re.compile(r"<!-- \[\[\[.*?-->\n?", re.DOTALL)
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_FENCE_PATH = re.compile(r"^```(\w+) (\S+)$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages that every group and every decision has to the navigation."""
    docs = Path(config.docs_dir)
    oms, studio, decisions = (
        [str(path.relative_to(docs)) for path in sorted(docs.glob(pattern))]
        for pattern in ("models/*.md", "models/studio/*.md", "decisions/*.md")
    )
    assert config.nav is not None  # noqa: S101  # mkdocs.yml has one
    config.nav += [{"Model rules": [{"oms": oms}, {"studio": studio}]}, {"Decisions": decisions}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the root of the repository."""
    for source, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Return a page as MkDocs reads it."""
    uri = page.file.src_uri
    return site_markdown(markdown, _SOURCES.get(uri, f"docs/{uri}"))


def site_markdown(markdown: str, source: str) -> str:
    """Return the Markdown of a file in the repository with the site's links and code titles."""
    parts = _FENCE.split(_COG.sub("", markdown))
    parts[::2] = [_LINK.sub(lambda link: _site_link(link, source), part) for part in parts[::2]]
    parts[1::2] = [_FENCE_PATH.sub(r'```\1 title="\2"', part) for part in parts[1::2]]
    return "".join(parts)


def _site_link(link: re.Match[str], source: str) -> str:
    mark, text, path, anchor = link.groups(default="")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if target not in ROOT_PAGES and not target.startswith("docs/"):
        return text
    page = _site_path(target)
    relative = posixpath.relpath(page, posixpath.dirname(_site_path(source)) or ".")
    return f"{mark}[{text}]({relative}{anchor})"


def _site_path(path: str) -> str:
    return ROOT_PAGES.get(path, path.removeprefix("docs/"))
