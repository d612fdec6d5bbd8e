"""The MCP server over HTTP, behind the same guard as the page, and always with a token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mcp.server.transport_security import TransportSecuritySettings

from callsheet.web.access import AccessMiddleware, AccessPolicy
from callsheet.web.connections import ConnectionLimits, Connections
from callsheet.web.problems import problem_response
from callsheet.web.server import accepted_names, listen, serve_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from callsheet.settings import Settings
    from callsheet.web.server import ListenAddress

PATH = "/mcp"
"""The only path that is served."""


class McpHttpServer:
    """An MCP server that has bound its port, so that its address is known."""

    def __init__(self, server: MCPServer, settings: Settings, place: ListenAddress) -> None:
        self._server = server
        self._socket = listen(place)
        self._place = place
        self.token = settings.token or secrets.token_urlsafe(32)
        self.token_is_new = not settings.token

    @property
    def url(self) -> str:
        """The address that a client is given."""
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        return f"http://{host}:{self._socket.getsockname()[1]}{PATH}"

    async def run(self, on_start: Callable[[], None]) -> None:
        """Serve until a signal."""
        # The guard before the application checks hosts and origins, for every host name alike.
        unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        app = self._server.streamable_http_app(
            streamable_http_path=PATH, transport_security=unguarded
        )
        policy = AccessPolicy(accepted_names(self._place), self.token, "callsheet-mcp")
        guarded = _OnlyPath(AccessMiddleware(app, policy))
        await serve_app(
            guarded, self._socket, Connections(ConnectionLimits()), (on_start, _nothing)
        )


def _nothing() -> None:
    """Sessions end with their connections."""


class _OnlyPath:
    """ASGI middleware that knows one path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != PATH:
            refusal = problem_response(404, "not_found", f"the MCP server is at {PATH}")
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)
