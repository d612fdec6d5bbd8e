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
from callsheet.web.server_state import ServerState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from callsheet.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")

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
    """A server that has bound its port, so that its address is known."""

    settings: Settings
    workflows: Mapping[str, str]
    place: ListenAddress
    debug: bool = False
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.place.is_open and not self.token:
            self.token = secrets.token_urlsafe(32)
        self._socket = _listen(self.place)

    @property
    def address(self) -> str:
        """The address that a browser opens, with the token where one is needed."""
        host, port = self.place.host, self._socket.getsockname()[1]
        if host in ("0.0.0.0", "::"):  # noqa: S104  # compared with, not bound to
            host = socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}/" + (f"?token={self.token}" if self.token else "")

    async def run(self, on_start: Callable[[], None]) -> list[str]:
        """Serve until a signal; returns the runs that were still active."""
        server = ServerState(self.settings, self.workflows)
        port = self._socket.getsockname()[1]
        names = {*self.place.names, self.place.host, socket.gethostname()}
        policy = AccessPolicy(
            frozenset(name.lower() for name in names) if self.token else frozenset(),
            self.token,
            f"callsheet-{port}",
        )
        config = uvicorn.Config(
            build_app(server, policy, debug=self.debug),
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="none",
        )
        serving = _SignalAwareServer(config, server, on_start)
        try:
            await serving.serve([self._socket])
        finally:
            active = server.active_runs
            await server.close(GRACE_SECONDS)
        return active


class _SignalAwareServer(uvicorn.Server):
    """Closes the streams at the first signal, and ends the process at the second."""

    def __init__(
        self, config: uvicorn.Config, server: ServerState, on_start: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._state = server
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        self._state.feed.close()


def _listen(place: ListenAddress) -> socket.socket:
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
