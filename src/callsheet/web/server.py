"""Runs the web application: binds a port, serves, and shuts down in order."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from callsheet.errors import CallsheetError, InputError
from callsheet.web.access import AccessPolicy
from callsheet.web.app import build_app
from callsheet.web.connections import ConnectionLimits, Connections, LimitedConnection
from callsheet.web.server_state import ServerState
from callsheet.web.socket_user import user_finder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from starlette.types import ASGIApp

    from callsheet.settings import Settings
    from callsheet.web.socket_user import FindUser

LOOPBACK = ("127.0.0.1", "localhost", "::1")

TICKS_PER_SECOND = 10
"""How often the server library calls `on_tick`."""

GRACE_SECONDS = 5.0
"""How long active runs may still take when the server shuts down."""


class PortTakenError(CallsheetError):
    """The server cannot listen at the requested address."""

    code = "port_taken"
    exit_code = 2


@dataclass(frozen=True)
class ListenAddress:
    """Where the server listens, and the further host names that it accepts."""

    host: str = "127.0.0.1"
    port: int = 8420
    names: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return self.host not in LOOPBACK


@dataclass
class Server:
    """A server that has bound its port, so that its address is known.

    `token_check` is True to demand a token from everyone, False to check nobody. By default a token is
    demanded where other machines can reach the server or the settings have one; else only the user
    who started the server may use it.
    """

    settings: Settings
    workflows: Mapping[str, str]
    place: ListenAddress
    debug: bool = False
    token_check: bool | None = None
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    find_user: FindUser | None = field(default_factory=user_finder)

    def __post_init__(self) -> None:
        if self.place.is_open and self.token_check is False:
            raise InputError(
                f"--no-token is not possible with --host {self.place.host}",
                hint="other machines could use the server; leave one of the two out",
            )
        self._socket = listen(self.place)
        demanded = self.token_check or self.place.is_open or self.settings.token
        if demanded and self.token_check is not False:
            self._token = self.settings.token or secrets.token_urlsafe(32)
        else:
            self._token = ""
        if self._token or self.token_check is False:
            self.find_user = None

    @property
    def serves_all_users(self) -> bool:
        """Whether it serves every user of this machine only because they cannot be told apart."""
        return self.token_check is None and not self._token and not self.find_user

    @property
    def address(self) -> str:
        """The address that a browser opens, without a token."""
        host, port = self.place.host, self._socket.getsockname()[1]
        if host in ("0.0.0.0", "::"):  # noqa: S104  # compared with, not bound to
            host = socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/"

    @property
    def address_with_token(self) -> str:
        """The address with the token where one is needed."""
        return self.address + (f"?token={self._token}" if self._token else "")

    @property
    def printed_address(self) -> str:
        """The address with the token if it was created here: one of the settings is never printed."""
        return self.address if self.settings.token else self.address_with_token

    async def run(self, on_start: Callable[[], None]) -> list[str]:
        """Serve until a signal; returns the runs that were still active."""
        server = ServerState(self.settings, self.workflows)
        owner = os.geteuid() if self.find_user else None
        app = build_app(server, self._policy(owner), debug=self.debug)
        connections = Connections(self.limits, self.find_user, owner)
        try:
            await serve_app(app, self._socket, connections, (on_start, server.feed.close))
        finally:
            active = server.active_runs
            await server.close(GRACE_SECONDS)
        return active

    def _policy(self, owner: int | None) -> AccessPolicy:
        port = self._socket.getsockname()[1]
        names = accepted_names(self.place) if self._token else frozenset()
        return AccessPolicy(names, self._token, f"callsheet-{port}", owner)


def accepted_names(place: ListenAddress) -> frozenset[str]:
    """The host names under which a server with a token is reached."""
    names = {*place.names, place.host, socket.gethostname()}
    return frozenset(name.lower() for name in names)


async def serve_app(
    app: ASGIApp,
    listening: socket.socket,
    connections: Connections,
    calls: tuple[Callable[[], None], Callable[[], None]],
) -> None:
    """Serve an application until a signal; of the calls, one is for the start, one for the signal."""
    config = uvicorn.Config(
        app,
        http=LimitedConnection,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=connections.limits.idle_seconds,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    await _SignalAwareServer(config, connections, *calls).serve([listening])


class _SignalAwareServer(uvicorn.Server):
    """Closes the streams at the first signal, and ends the process at the second."""

    def __init__(
        self,
        config: uvicorn.Config,
        connections: Connections,
        on_start: Callable[[], None],
        on_signal: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self.server_state = self._connections = connections
        self._on_start = on_start
        self._on_signal = on_signal

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            self._connections.end_slow()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        self._on_signal()


def listen(place: ListenAddress) -> socket.socket:
    """Bind the address; raises InputError or PortTakenError where that is not possible."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # Only a socket made with the protocol named gets TCP_NODELAY from asyncio.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((place.host, place.port))
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, socket.gaierror):
            raise InputError(
                f"there is no address {place.host!r}", hint="for example --host 127.0.0.1"
            ) from error
        raise PortTakenError(
            f"cannot listen at {place.host}:{place.port}: {getattr(error, 'strerror', error)}",
            hint="another --port, or --port 0 for any that is free",
        ) from error
    return listening
