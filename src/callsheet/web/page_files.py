"""Serves the files of the page, and nothing outside their folder."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from callsheet.web.problems import WebError

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(str(files("callsheet"))) / "web" / "page"

INDEX = "index.html"

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


async def serve_file(request: Request) -> Response:
    """Serve one file of the page, without a name the page itself."""
    name = request.path_params.get("name", INDEX)
    path = page_files().get(name)
    if path is None:
        raise WebError(404, "not_found", "there is no such file")
    body = path.read_bytes()
    # A weak tag: the file is the same, compressed or not.
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=MEDIA_TYPES[path.suffix], headers=headers)
