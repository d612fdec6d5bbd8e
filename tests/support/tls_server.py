"""A loopback server behind TLS, with a certificate that only those who are told trust."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trustme

from tests.support.strict_openai import StrictOpenAI


@dataclass
class TlsServer:
    """The server, its address, who signed its certificate, and how many came to shake hands."""

    server: StrictOpenAI
    url: str
    authority: trustme.CA
    handshakes: int = 0


@contextmanager
def secured() -> Iterator[TlsServer]:
    """Serves OpenAI's interface on https://127.0.0.1 and counts who comes."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with StrictOpenAI() as server:
        report = TlsServer(server, server.url.replace("http:", "https:"), authority)
        plain = server._http.get_request

        def get_request() -> tuple[socket.socket, object]:
            came, address = plain()
            report.handshakes += 1
            return context.wrap_socket(came, server_side=True), address

        server._http.get_request = get_request  # type: ignore[assignment]
        yield report
