"""A request, read: JSON within its limits, held to the form that the route promises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.responses import Response

from callsheet.web.access import MAX_BODY
from callsheet.web.problems import WebError, unfit

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request

    from callsheet.web.server_state import ServerState

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 64
MAX_KEY = 200


@dataclass(frozen=True)
class RequestContext:
    """What a route is given: the desk, the request, and its body and query in their forms."""

    server: ServerState
    request: Request
    body: Any = None
    query: Any = None

    @property
    def run(self) -> str:
        """The run that the address names."""
        return str(self.request.path_params["run"])

    @property
    def once(self) -> str:
        """The key under which the same request may come again without being done twice."""
        key = self.request.headers.get("idempotency-key", "")
        if len(key) > MAX_KEY or not all("!" <= letter <= "~" for letter in key):
            raise WebError(
                422, "invalid_request", f"an Idempotency-Key has up to {MAX_KEY} visible letters"
            )
        return key


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """JSON; bytes are JSON already."""
    body = value if isinstance(value, bytes) else json.dumps(value)
    # `no-store`: what a person wrote does not stay in a browser's cache.
    return Response(
        body,
        status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def attachment(text: str, media_type: str, name: str) -> Response:
    """A file to be kept under this name."""
    told = json_response(text.encode("utf-8", "replace"))
    told.headers["content-type"] = f"{media_type}; charset=utf-8"
    told.headers["content-disposition"] = f'attachment; filename="{name}"'
    return told


async def read_body(request: Request, form: type[Model]) -> Model:
    """The body in its form; raises WebError: 413, 415, 400 or 422."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WebError(
            415, "not_json", "the body must be JSON", hint="Content-Type: application/json"
        )
    text = bytearray()
    async for chunk in request.stream():
        text += chunk
        if len(text) > MAX_BODY:
            raise WebError(413, "too_large", f"a body may have {MAX_BODY:,} bytes")
    try:
        value: JsonValue = from_json(bytes(text), allow_inf_nan=False)
    except ValueError as error:
        if "recursion" in str(error):
            raise _too_deep() from None
        raise WebError(400, "malformed", "the body is not JSON") from None
    if _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return _fitting(value, form)


def read_query(request: Request, form: type[Model]) -> Model:
    """The query in its form; raises WebError 422."""
    return _fitting(dict(request.query_params), form)


def _fitting(value: object, form: type[Model]) -> Model:
    if isinstance(value, dict) and len(value) > MAX_DEPTH:
        raise WebError(422, "invalid_request", f"{len(value):,} fields are too many")
    try:
        return form.model_validate(value)
    except ValidationError as error:
        raise unfit(error.errors(include_input=False, include_url=False)) from None


def _too_deep() -> WebError:
    return WebError(422, "too_deep", f"lists and objects may be nested {MAX_DEPTH} deep")


def _depth(value: JsonValue) -> int:
    """How deep lists and objects are nested."""
    depth, level = 0, [value]
    while nested := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = [
            inner
            for each in nested
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
