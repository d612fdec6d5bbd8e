"""Serves the files of the page, and nothing outside their folder.

Browsers open six connections to a server: fifty modules take nine round trips. The page therefore
loads its modules as one file, and its style sheets as another; each is joined when it is asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from callsheet.web.problems import WebError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

FOLDER = Path(str(files("callsheet"))) / "web" / "page"

INDEX = "index.html"
MAIN, MODULES = "main.js", "modules.js"
STYLES, STYLE_SHEETS = "styles.css", ("theme.css", "forms.css", "prompts.css", "layout.css")

_IMPORT = re.compile(r'^import [^;]*? from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |function|const|let|class)", re.MULTILINE)

MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}


def page_files() -> dict[str, Path]:
    """Return every file of the page by its name in the URL."""
    return {
        path.relative_to(FOLDER).as_posix(): path
        for path in FOLDER.rglob("*")
        if path.suffix in MEDIA_TYPES and path.is_file() and not path.is_symlink()
    }


def joined_modules(files: Mapping[str, Path]) -> str:
    """Return the page's modules as one, each after those that it imports.

    They share one scope: their top-level names differ from one another, as a test ensures.
    """
    joined: dict[str, str] = {}
    begun: set[str] = set()

    def add(name: str) -> None:
        begun.add(name)
        text = files[name].read_text("utf-8")
        for imported in _IMPORT.findall(text):
            if imported not in begun:
                add(imported)
        joined[name] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(MAIN)
    return "\n".join(joined.values())


async def serve_file(request: Request) -> Response:
    """Serve one file of the page, without a name the page itself."""
    name = request.path_params.get("name", INDEX)
    files = page_files()
    if name == MODULES:
        body = joined_modules(files).encode()
    elif name == STYLES:
        body = b"".join(files[each].read_bytes() for each in STYLE_SHEETS)
    elif name in files:
        body = files[name].read_bytes()
    else:
        raise WebError(404, "not_found", "there is no such file")
    # A weak tag: the file is the same, compressed or not.
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)
