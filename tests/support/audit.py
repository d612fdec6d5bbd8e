"""Records what Python reports of this process: code that is executed, connections, files, pickles."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Event = tuple[str, str]

_watchers: list[list[Event]] = []

WATCHED = (
    "exec", "open", "socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen",
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class", "ctypes.dlopen",
)  # fmt: skip


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers or event not in WATCHED:
        return
    first = arguments[0] if arguments else ""
    what = getattr(first, "co_filename", None) if event == "exec" else first
    if event.startswith("socket."):
        what = arguments[1] if event != "socket.getaddrinfo" else first
    elif event == "pickle.find_class":
        what = ".".join(map(str, arguments))
    for seen in _watchers:
        seen.append((event, str(what)))


@contextmanager
def audited() -> Iterator[list[Event]]:
    """The events within it: the name of each, and the file, address or program."""
    if _record not in _hooks:
        sys.addaudithook(_record)
        _hooks.append(_record)
    seen: list[Event] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers.remove(seen)


_hooks: list[Any] = []
"""An audit hook cannot be removed, so one is added when it is first needed, and idle afterwards."""
