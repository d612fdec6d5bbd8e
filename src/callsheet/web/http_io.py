"""Reads requests within their limits, and makes JSON and file responses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from callsheet.web.access import MAX_BODY
from callsheet.web.problems import WebError, invalid_request

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request

    from callsheet.web.server_state import ServerState

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 64
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of `.xlsx`."""

ZIP = "application/zip"

MAX_KEY = 200


@dataclass(frozen=True)
class RequestContext:
    """What a handler gets: the server's state, the request, and its validated body and query."""

    server: ServerState
    request: Request
    body: Any = None
    query: Any = None

    @property
    def run(self) -> str:
        """The run in the path."""
        return str(self.request.path_params["run"])

    @property
    def idempotency_key(self) -> str:
        """The Idempotency-Key: a repeated request with the same key is executed once."""
        key = self.request.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY or not all("!" <= letter <= "~" for letter in key):
            raise WebError(
                422, "invalid_request", f"an Idempotency-Key has up to {MAX_KEY} visible characters"
            )
        return key

    @property
    def once(self) -> str:
        """The key with a hash of the body, as it is recorded; empty without a key."""
        key = self.idempotency_key
        return f"{key} {self._body_hash()}" if key else ""

    def repeats(self, once: str) -> bool:
        """Whether the request recorded so had this one's key; raises WebError for another body."""
        key, _, body = once.partition(" ")
        if not key or key != self.idempotency_key:
            return False
        # A key that an older version recorded has no hash beside it.
        if body and body != self._body_hash():
            raise WebError(
                409,
                "key_reused",
                "this Idempotency-Key came with another request before",
                hint="send a new key with each new request",
            )
        return True

    def _body_hash(self) -> str:
        text = self.body.model_dump_json(exclude_unset=True) if self.body else ""
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Make a JSON response; bytes are JSON already."""
    body = value if isinstance(value, bytes) else json.dumps(value)
    # Prompts and ideas must not stay in a browser's cache.
    return Response(
        body,
        status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """Make a response that is saved as a file of this name."""
    response = json_response(content)
    response.headers["content-type"] = media_type
    response.headers["content-disposition"] = f'attachment; filename="{name}"'
    return response


async def read_body(request: Request, model: type[Model]) -> Model:
    """Read and validate the body; raises WebError: 413, 415, 400 or 422."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WebError(
            415, "not_json", "the body must be JSON", hint="Content-Type: application/json"
        )
    text = bytearray()
    try:
        async for chunk in request.stream():
            text += chunk
            if len(text) > MAX_BODY:
                raise WebError(413, "too_large", f"a body may have {MAX_BODY:,} bytes")
    except ClientDisconnect:
        raise WebError(400, "malformed", "the connection broke off inside the body") from None
    try:
        value: JsonValue = from_json(bytes(text), allow_inf_nan=False)
    except ValueError as error:
        if "recursion" in str(error):
            raise _too_deep() from None
        raise WebError(400, "malformed", "the body is not JSON") from None
    if _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return _validated(value, model)


def read_query(request: Request, model: type[Model]) -> Model:
    """Validate the query; raises WebError 422."""
    return _validated(dict(request.query_params), model)


def _validated(value: object, model: type[Model]) -> Model:
    if isinstance(value, dict) and len(value) > MAX_DEPTH:
        raise WebError(422, "invalid_request", f"{len(value):,} fields are too many")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_request(error.errors(include_input=False, include_url=False)) from None


def _too_deep() -> WebError:
    return WebError(422, "too_deep", f"lists and objects may be nested {MAX_DEPTH} deep")


def _depth(value: JsonValue) -> int:
    """Return how deep lists and objects are nested."""
    depth, level = 0, [value]
    while nested := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = [
            inner
            for each in nested
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
