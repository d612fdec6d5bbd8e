"""Limits connections before any other work: how many, how slow, and how large the head of a request.

The server library itself limits only how long a connection may idle between two requests.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from callsheet.web.access import CALLER, HEADERS, MAX_BODY
from callsheet.web.problems import problem_response

if TYPE_CHECKING:
    import uvicorn
    from starlette.responses import Response

    from callsheet.web.socket_user import FindUser


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection, and all of one address, may take."""

    head_bytes: int = 64 * 1024
    """Of a request before its body: what browsers and proxies send is a tenth of it."""
    headers: int = 100
    request_seconds: float = 20.0
    """How long a request may take to arrive; what has arrived of it adds to that."""
    bytes_per_second: int = 10_000
    idle_seconds: int = 5
    """Between two requests."""
    unread_seconds: float = 20.0
    """How long a client may read nothing of its response."""
    per_address: int = 100
    own: int = 1_000
    """For the server's own user, or for this machine where users are not told apart."""


class Connections(ServerState):
    """The open connections of a server, counted by address and user."""

    def __init__(
        self, limits: ConnectionLimits, find_user: FindUser | None = None, owner: int | None = None
    ) -> None:
        super().__init__()
        self.limits = limits
        self._find_user = find_user
        self._owner = owner
        self._open: Counter[tuple[str, int | None]] = Counter()

    def find_user(
        self, client: tuple[str, int] | None, server: tuple[str, int | None] | None
    ) -> int | None:
        """Return the user of this machine who opened a connection, None where unknown."""
        if not self._find_user or not client or not server or not server[1]:
            return None
        return self._find_user(client, (server[0], server[1]))

    def most(self, address: str, user: int | None) -> int:
        """Return how many connections this user may open from this address."""
        here = bool(address) and ip_address(address).is_loopback
        return self.limits.own if here and user == self._owner else self.limits.per_address

    def add(self, address: str, user: int | None) -> bool:
        """Count a new connection; whether it is within the limit."""
        self._open[address, user] += 1
        return self._open[address, user] <= self.most(address, user)

    def remove(self, address: str, user: int | None) -> None:
        """Count the end of a connection."""
        self._open[address, user] -= 1
        if not self._open[address, user]:
            del self._open[address, user]

    def end_slow(self) -> None:
        """End the connections that take too long to send a request or to read a response."""
        now = asyncio.get_running_loop().time()
        for each in [*self.connections]:
            if isinstance(each, LimitedConnection):
                each.end_if_slow(now)


class LimitedConnection(HttpToolsProtocol):
    """A connection that ends where it exceeds a limit."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, Connections)  # noqa: S101  # set in server.py
        self._all = server_state
        self._limits = server_state.limits
        self._client: tuple[str, int | None] = ("", None)
        self._refusal: Response | None = None
        self._unanswered = True
        self._receiving = False
        self._received = 0
        self._unparsed = 0
        self._since = self.loop.time()
        self._unread, self._unread_since = 0, self._since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        user = self._all.find_user(self.client, self.server)
        self.app_state = {**self.app_state, CALLER: user}
        self._client = (self.client[0] if self.client else "", user)
        if not self._all.add(*self._client):
            most = self._all.most(*self._client)
            self._end(
                problem_response(
                    503,
                    "too_many_connections",
                    f"{most:,} connections from this address are open already",
                    "close some of them, or send several requests over one",
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.remove(*self._client)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unparsed += len(data)
        super().data_received(data)
        self._received += len(data)
        # Every part of a body resets it: what is left is a head, a trailer or a chunk's extension.
        if self._unparsed > self._limits.head_bytes:
            self._end(self._head_too_large())
        elif self._received > 2 * MAX_BODY:
            self._end(None)

    def on_message_begin(self) -> None:
        self._receiving = self._unanswered = True
        self._received = 0
        self._since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        most = self._limits.head_bytes
        # What was received may hold a body as well: only if it is too much, the head is measured.
        if len(self.headers) > self._limits.headers or (
            self._unparsed > most and self._head_bytes() > most
        ):
            self._refusal = self._head_too_large()
            raise ValueError  # ends the parsing; the library then calls send_400_response
        self._unparsed = 0
        super().on_headers_complete()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._unparsed = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unanswered = False
        if not self._receiving:
            self._since = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        del msg
        self._end(
            self._refusal or problem_response(400, "malformed", "the request is not valid HTTP")
        )

    def end_if_slow(self, now: float) -> None:
        """End the connection if it takes too long to send a request or to read a response."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._unread_since = now
        elif now - self._unread_since > self._limits.unread_seconds:
            self.transport.abort()
        self._unread = unread
        if self.transport.is_closing() or self.flow.read_paused:
            return
        most = self._limits.request_seconds + self._received / self._limits.bytes_per_second
        if self._is_awaited and now - self._since > most:
            self._end(_too_slow() if self._receiving else None)

    @property
    def _is_awaited(self) -> bool:
        """Whether the server waits for the client to send a request, or the rest of one."""
        idle = self.cycle is None or self.cycle.response_complete
        return self._receiving or (idle and not self.pipeline)

    def _end(self, response: Response | None) -> None:
        """Close the connection, with this response where none has begun."""
        cycle = self.cycle
        halfway = cycle is not None and cycle.response_started and not cycle.response_complete
        if response and self._unanswered and not halfway:
            headers = [
                *self.server_state.default_headers,
                *response.raw_headers,
                *HEADERS,
                (b"connection", b"close"),
            ]
            head = b"".join(b"%b: %b\r\n" % each for each in headers)
            self.transport.write(
                STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body)
            )
        self.transport.close()

    def _head_too_large(self) -> Response:
        return problem_response(
            431,
            "head_too_large",
            f"a request may have {self._limits.headers} headers, and"
            f" {self._limits.head_bytes:,} bytes before its body",
        )


def _too_slow() -> Response:
    return problem_response(
        408, "request_too_slow", "the request took too long to arrive", "send it again"
    )
