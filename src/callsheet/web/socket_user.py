"""Finds out which user of this machine is at the other end of a loopback connection (Linux only).

The kernel is asked for that one socket (sock_diag) or, where it does not answer such questions, its
tables of all sockets are read, which takes a hundred times as long.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Address = tuple[str, int]
    FindUser = Callable[[Address, Address], int | None]
    """Takes the addresses of client and server; None where the client's user cannot be known."""

TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}

LISTEN = 10
"""The state of a listening socket; the other states are ends of connections."""


def user_finder() -> FindUser | None:
    """Return what finds users on this machine, None where nothing does."""
    # In WSL, a process of root relays the connections of Windows, whoever makes them.
    if not TABLES[socket.AF_INET].exists() or "microsoft" in os.uname().release.lower():
        return None
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        ends = client.getsockname(), server.getsockname()
        return next((find for find in (ask, look_up) if find(*ends) == os.geteuid()), None)


def ask(client: Address, server: Address) -> int | None:
    """Ask the kernel whose socket `client` is."""
    ips = ip_address(client[0]), ip_address(server[0])
    family = socket.AF_INET if ips[0].version == 4 else socket.AF_INET6  # noqa: PLR2004  # IPv4
    question = struct.pack(
        "=BBHIHH16s16sIQ",
        *(family, socket.IPPROTO_TCP, 0, 0xFFFF_FFFF),  # in any state
        *(socket.htons(client[1]), socket.htons(server[1])),
        *(ip.packed for ip in ips),
        *(0, 0xFFFF_FFFF_FFFF_FFFF),  # on any interface, whatever its cookie
    )
    header = struct.pack(
        "=IHHII", 16 + len(question), 20, 1, 0, 0
    )  # SOCK_DIAG_BY_FAMILY, a request
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as kernel:  # NETLINK_SOCK_DIAG
            kernel.settimeout(1)
            kernel.send(header + question)
            return user_in_answer(kernel.recv(4096))
    except OSError:
        return None


def user_in_answer(answer: bytes) -> int | None:
    """Return the user of the socket that the kernel describes; None for an error or a closed one."""
    kind, state = struct.unpack_from("=4xH11xB", answer) if len(answer) >= 88 else (0, 0)  # noqa: PLR2004  # all fields
    if kind != 20 or state == LISTEN:  # noqa: PLR2004  # SOCK_DIAG_BY_FAMILY
        return None
    user, inode = struct.unpack_from("=II", answer, 80)
    return _open(user, inode)


def look_up(client: Address, server: Address) -> int | None:
    """Look up in the kernel's tables whose socket `client` is."""
    for family, table in TABLES.items():
        try:
            # A client of IPv6 can reach an IPv4 server, and is then listed under IPv6 alone.
            ends = hexadecimal(client, family), hexadecimal(server, family)
            user = user_in_table(table.read_bytes(), *ends)
        except (OSError, ValueError):
            continue
        if user is not None:
            return user
    return None


def user_in_table(table: bytes, local: bytes, remote: bytes) -> int | None:
    """Return the user of the socket between these two ends."""
    found = table.find(b" %b %b " % (local, remote))
    if found < 0:
        return None
    # Columns from here: local, remote, state, queues, timer, retransmits, user, timeout, inode.
    columns = table[found : found + 200].split()
    return _open(int(columns[6]), int(columns[8]))


def hexadecimal(address: Address, family: int) -> bytes:
    """Return an address as the tables have it; raises ValueError for one of IPv6 in that of IPv4."""
    ip = ip_address(address[0])
    if family == socket.AF_INET6 and ip.version == 4:  # noqa: PLR2004  # IPv4
        ip = ip_address(f"::ffff:{ip}")
    if family == socket.AF_INET and ip.version != 4:  # noqa: PLR2004  # IPv4
        raise ValueError(address)
    words = struct.unpack(f"={len(ip.packed) // 4}I", ip.packed)
    return b"%b:%04X" % (b"".join(b"%08X" % word for word in words), address[1])


def _open(user: int, inode: int) -> int | None:
    """Return the user; a socket that its process has closed has no inode and is listed as root's."""
    return user if inode else None
