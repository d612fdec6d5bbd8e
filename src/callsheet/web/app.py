"""The web application: the routes of the table, the page, and the access check before them."""

from __future__ import annotations

import asyncio
import json
import traceback
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from callsheet.errors import CallsheetError, InternalError
from callsheet.web.access import AccessMiddleware
from callsheet.web.http_io import RequestContext, json_response, read_body, read_query
from callsheet.web.openapi import describe
from callsheet.web.page_files import serve_file
from callsheet.web.problems import defect, problem, problem_response
from callsheet.web.routes import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from callsheet.web.access import AccessPolicy
    from callsheet.web.routes import Operation
    from callsheet.web.server_state import ServerState


PATHS = (
    *dict.fromkeys(each.path for each in OPERATIONS),
    "/openapi.json",
    "/",
    "/page/{name:path}",
)
"""Every path that the server handles."""


def build_app(server: ServerState, policy: AccessPolicy, *, debug: bool = False) -> ASGIApp:
    """Build the application; `debug` prints the tracebacks of bugs to stderr."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        tasks = [
            asyncio.create_task(server.feed.watch()),
            asyncio.create_task(server.batches.resume_waiting()),
        ]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def handle_error(request: Request, error: Exception) -> Response:
        del request
        expected = isinstance(error, CallsheetError) and not isinstance(error, InternalError)
        if debug and not expected:
            traceback.print_exception(error)
        return problem(error if isinstance(error, CallsheetError) else defect(error))

    app = Starlette(
        routes=[*_routes(server)],
        lifespan=lifespan,
        exception_handlers={
            CallsheetError: handle_error,
            HTTPException: _routing_error,
            Exception: handle_error,
        },
    )
    return AccessMiddleware(app, policy)


def _routes(server: ServerState) -> list[Route]:
    description = json.dumps(describe()).encode()

    async def openapi(request: Request) -> Response:
        del request
        return json_response(description)

    async def page(request: Request) -> Response:
        return await serve_file(request, next(iter(server.workflows)))

    paths: dict[str, dict[str, Operation]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = each
    fixed = {"/openapi.json": openapi, "/": page, "/page/{name:path}": page}
    return [
        _route(path, paths[path], server) if path in paths else Route(path, fixed[path])
        for path in PATHS
    ]


def _route(path: str, methods: Mapping[str, Operation], server: ServerState) -> Route:
    async def endpoint(request: Request) -> Response:
        operation = methods.get(request.method) or methods["GET"]
        query = read_query(request, operation.query) if operation.query else None
        body = await read_body(request, operation.body) if operation.body else None
        response: Response = await operation.handler(RequestContext(server, request, body, query))
        return response

    return Route(path, endpoint, methods=[*methods])


async def _routing_error(request: Request, error: Exception) -> Response:
    """Respond to a path or method that is not in the table."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for these alone
    if error.status_code == 405:  # noqa: PLR2004  # HTTP's own number
        refusal = problem_response(
            405, "method_not_allowed", f"{request.method} is not allowed here"
        )
    else:
        refusal = problem_response(
            404, "not_found", "this path does not exist", "/openapi.json lists the routes"
        )
    for name, value in (error.headers or {}).items():
        refusal.headers[name] = value
    return refusal
