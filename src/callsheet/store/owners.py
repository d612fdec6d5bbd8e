"""Names the process that owns a run, and checks whether it is still alive."""

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
    """A name of this process by which others on the same machine can check that it is alive."""
    return f"{_process(os.getpid())}:{secrets.token_hex(3)}"


@cache
def _process(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_start_time(pid)}"


def is_dead(owner: str) -> bool:
    """Whether an owner is a process of this machine that has ended."""
    host, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _start_time(int(pid)) != rest.partition(":")[0]


def has_live_owner(row: RunRow) -> bool:
    """Whether a live process owns the run."""
    return bool(row.owner) and not row.lease_expired and not is_dead(row.owner)


def describe_owner(owner: str) -> str:
    """An owner in words."""
    host, pid, *_ = owner.split(":")
    return f"process {pid} on {host}"


def _start_time(pid: int) -> str:
    """When a process started, in ticks of the kernel, so that a reused process id is recognized."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return _alive(pid)
    return status.rpartition(")")[2].split()[19]


def _alive(pid: int) -> str:
    """For systems without /proc: whether a process with this id exists."""
    if os.name == "nt":
        return "unknown"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "alive"
