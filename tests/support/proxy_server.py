"""A SOCKS5 proxy on 127.0.0.1 that counts connections, and an HTTP proxy that refuses to connect."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer


class _Socks(StreamRequestHandler):
    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(b"\x05\x00")
        _, _, _, kind = self.rfile.read(4)
        host = (
            socket.inet_ntoa(self.rfile.read(4))
            if kind == 1
            else self.rfile.read(self.rfile.read(1)[0]).decode()
        )
        [port] = struct.unpack(">H", self.rfile.read(2))
        assert isinstance(self.server, _SocksServer)
        self.server.connected.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as other:
            self.wfile.write(b"\x05\x00\x00\x01" + b"\0" * 6)
            threading.Thread(target=_copy, args=(self.connection, other), daemon=True).start()
            _copy(other, self.connection)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(65_536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


class _SocksServer(ThreadingTCPServer):
    daemon_threads = True
    connected: list[str]


@contextmanager
def socks_proxy() -> Iterator[tuple[int, list[str]]]:
    """Yield its port, and the addresses that it has connected to."""
    with _SocksServer(("127.0.0.1", 0), _Socks) as server:
        server.connected = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.connected
        server.shutdown()


class _Refusing(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:  # the library's name
        self.send_error(407, "Proxy Authentication Required")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def refusing_proxy() -> Iterator[int]:
    """Yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
