"""Identifies the process that holds a run, and tells whether it is still alive."""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet.store.port import RunRow


def owner_name() -> str:
    """This process, named so that another on the same machine can tell whether it still lives."""
    return f"{_process(os.getpid())}:{secrets.token_hex(3)}"


@cache
def _process(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_birth(pid)}"


def is_dead(owner: str) -> bool:
    """Whether a holder is a process of this machine that no longer lives."""
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _birth(int(pid)) != rest.partition(":")[0]


def is_held(row: RunRow) -> bool:
    """Whether anyone alive holds a run."""
    return bool(row.owner) and not row.lease_expired and not is_dead(row.owner)


def describe_owner(owner: str) -> str:
    """A holder in a person's words."""
    host, pid, *_ = owner.split(":")
    return f"process {pid} on {host}"


def _birth(pid: int) -> str:
    """When a process began, in the kernel's own count, so that a reused number is told apart."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return _alive(pid)
    return status.rpartition(")")[2].split()[19]


def _alive(pid: int) -> str:
    """For systems without /proc: whether there is a process of this number at all."""
    if os.name == "nt":
        return "unknown"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "alive"
