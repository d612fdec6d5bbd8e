"""Serves the files of the page, and nothing outside their folder.

Browsers open six connections to a server: fifty modules take nine round trips. The page therefore
loads its modules as one file, and its style sheets as another; each is joined when it is asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from callsheet.web.page_messages import (
    REFERENCE,
    fill_document,
    fill_module,
    languages,
    messages,
    preferred_language,
)
from callsheet.web.problems import WebError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

FOLDER = Path(str(files("callsheet"))) / "web" / "page"

INDEX = "index.html"
MAIN, MODULES, MESSAGES = "main.js", "modules.js", "messages.js"
STYLES, STYLE_SHEETS = "styles.css", ("theme.css", "forms.css", "prompts.css", "layout.css")

FIRST_WORKFLOW = "FIRST_WORKFLOW"
FILLED = {INDEX: fill_document, MESSAGES: fill_module}
IN_LANGUAGE = ", accept-language, cookie"

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


def joined_modules(files: Mapping[str, Path], language: str = REFERENCE) -> str:
    """Return the page's modules as one, each after those that it imports, with a language's texts.

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
    joined[MESSAGES] = fill_module(joined[MESSAGES], language)
    return "\n".join(joined.values())


def _body(name: str, language: str, workflow: str) -> bytes | None:
    """Return a file's content, None if there is no such file; the page loads this workflow at once."""
    files = page_files()
    if name == MODULES:
        return joined_modules(files, language).encode()
    if name == STYLES:
        return b"".join(files[each].read_bytes() for each in STYLE_SHEETS)
    if name not in files:
        return None
    folder, _, tag = name.removesuffix(".json").partition("/")
    if folder == "messages" and tag in languages():
        return json.dumps(messages(tag), ensure_ascii=False).encode()
    if name in FILLED:
        text = FILLED[name](files[name].read_text("utf-8"), language)
        return text.replace(FIRST_WORKFLOW, quote(workflow, safe="")).encode()
    return files[name].read_bytes()


async def serve_file(request: Request, workflow: str) -> Response:
    """Serve one file of the page, without a name the page itself, in the language asked for.

    The page begins with this workflow: loaded beside its code, it costs no further round trip.
    """
    name = request.path_params.get("name", INDEX)
    body = _body(name, preferred_language(request), workflow)
    if body is None:
        raise WebError(404, "not_found", "there is no such file")
    # A weak tag: the file is the same, compressed or not.
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    vary = f"accept-encoding{IN_LANGUAGE if name == MODULES or name in FILLED else ''}"
    headers = {"etag": tag, "cache-control": "no-cache", "vary": vary}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)
