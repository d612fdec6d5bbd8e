"""Whom a server serves, and how it finds out which user of the machine is at the other end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from callsheet.cli.serve_command import serve
from callsheet.errors import InputError
from callsheet.settings import read_settings
from callsheet.web.connections import ConnectionLimits, Connections
from callsheet.web.server import ListenAddress, Server
from callsheet.web.socket_user import (
    ask,
    hexadecimal,
    look_up,
    user_finder,
    user_in_answer,
    user_in_table,
)

Address = tuple[str, int]

HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROWS = (
    b"   0: 0100007F:20E4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1 0 100 0 0 10 0\n"
    b"   1: 0100007F:D431 0100007F:20E4 01 00000000:00000000 00:00000000 00000000  1001        0 42 2 0 20 4 30 10 -1\n"
    b"   2: 0100007F:20E4 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 43 1 0 20 4 30 10 -1\n"
    b"   3: 0100007F:D433 0100007F:20E4 06 00000000:00000000 03:000016C5 00000000     0        0 0 3 0\n"
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux is asked")
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the examples are so written")


@contextmanager
def _server(*, token_check: bool | None = None, **settings: str) -> Iterator[Server]:
    server = Server(read_settings(settings), {}, ListenAddress(port=0), token_check=token_check)
    with closing(server._socket):
        yield server


@contextmanager
def _pair(client_host: str, host: str) -> Iterator[tuple[socket.socket, Address, Address]]:
    """A client, and the addresses of both ends as the server sees them."""
    v6, client_v6 = (":" in each for each in (host, client_host))
    with (
        socket.create_server((host, 0), family=socket.AF_INET6 if v6 else socket.AF_INET) as server,
        socket.socket(socket.AF_INET6 if client_v6 else socket.AF_INET) as client,
    ):
        client.connect((client_host, server.getsockname()[1]))
        accepted, address = server.accept()
        with accepted:
            yield client, address[:2], server.getsockname()[:2]


def test_a_server_without_a_token_serves_the_user_who_started_it() -> None:
    with _server() as server:
        assert "token" not in server.printed_address + server.address_with_token
        assert server.serves_all_users == (server.find_user is None)


def test_where_users_cannot_be_told_apart_the_server_knows_it() -> None:
    with _server() as server:
        server.find_user = None
        assert server.serves_all_users


def test_a_new_token_is_part_of_the_printed_address_and_one_of_the_settings_is_not() -> None:
    with _server(token_check=True) as server:
        assert "?token=" in server.printed_address
        assert not server.serves_all_users
    with _server(CALLSHEET_TOKEN="a" * 16) as server:
        assert "token" not in server.printed_address
        assert server.address_with_token.endswith("/?token=" + "a" * 16)


def test_no_token_checks_nobody_even_where_the_settings_have_one() -> None:
    with _server(token_check=False, CALLSHEET_TOKEN="a" * 16) as server:
        assert "token" not in server.address_with_token
        assert server.find_user is None
        assert not server.serves_all_users, "it was asked to, and need not say so"


def test_other_machines_are_not_let_in_without_a_token() -> None:
    words = ["--host", "0.0.0.0", "--no-token"]  # noqa: S104
    with pytest.raises(InputError, match="--no-token is not possible with --host"):
        serve.main(words, standalone_mode=False)


def test_others_may_open_fewer_connections_than_the_owner() -> None:
    limits = ConnectionLimits()
    connections = Connections(limits, lambda client, server: None, 1000)
    assert connections.most("127.0.0.1", 1000) == limits.own
    assert connections.most("127.0.0.1", 1001) == limits.per_address
    assert connections.most("127.0.0.1", None) == limits.per_address
    assert connections.most("192.0.2.1", 1000) == limits.per_address
    assert Connections(limits).most("127.0.0.1", None) == limits.own


@pytest.mark.parametrize("token", ["short", "a" * 15, "a token of words", "a" * 16 + "\n"])
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(InputError, match="CALLSHEET_TOKEN must have at least 16") as refused:
        read_settings({"CALLSHEET_TOKEN": token})
    assert token not in f"{refused.value} {refused.value.hint}"


@linux
@pytest.mark.parametrize("find", [ask, look_up])
@pytest.mark.parametrize(
    ("client_host", "host"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")],
)
def test_the_user_of_an_open_socket_is_found_and_of_a_closed_one_is_not(
    find: Callable[..., int | None], client_host: str, host: str
) -> None:
    if ":" in host and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with _pair(client_host, host) as (client, address, server):
        assert find(address, server) == os.geteuid()
        client.close()
        assert find(address, server) is None
        assert find((server[0], 1), server) is None


@linux
def test_users_can_be_told_apart_here() -> None:
    if "microsoft" in os.uname().release.lower():
        pytest.skip("in WSL, root relays the connections of Windows")
    assert user_finder() in (ask, look_up)


@little_endian
def test_addresses_are_written_as_the_kernel_writes_them() -> None:
    assert hexadecimal(("127.0.0.1", 8420), socket.AF_INET) == b"0100007F:20E4"
    mapped = b"0000000000000000FFFF00000100007F:20E4"
    assert hexadecimal(("127.0.0.1", 8420), socket.AF_INET6) == mapped
    assert hexadecimal(("::1", 1), socket.AF_INET6) == b"00000000000000000000000001000000:0001"
    with pytest.raises(ValueError, match="::1"):
        hexadecimal(("::1", 1), socket.AF_INET)


def test_a_table_names_the_user_of_the_clients_end_alone() -> None:
    server = b"0100007F:20E4"
    table = HEADING + ROWS
    assert user_in_table(table, b"0100007F:D431", server) == 1001
    assert user_in_table(table, b"0100007F:D432", server) is None
    assert user_in_table(table, b"0100007F:D433", server) is None, "closed: no longer anybody's"
    assert user_in_table(b"", b"0100007F:D431", server) is None


def test_an_answer_that_names_no_open_socket_names_no_user() -> None:
    assert user_in_answer(b"") is None
    error = (36).to_bytes(4, sys.byteorder) + (2).to_bytes(2, sys.byteorder) + bytes(82)
    assert user_in_answer(error) is None
    for state, inode, user in ((1, 7, 1001), (1, 0, None), (10, 7, None)):
        kind = (88).to_bytes(4, sys.byteorder) + (20).to_bytes(2, sys.byteorder)
        fields = kind + bytes(11) + bytes([state]) + bytes(62)
        numbers = (1001).to_bytes(4, sys.byteorder) + inode.to_bytes(4, sys.byteorder)
        assert user_in_answer(fields + numbers) == user
