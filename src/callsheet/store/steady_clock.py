"""A clock for leases that goes on evenly when somebody sets the machine's clock."""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SteadyClock:
    """Unix seconds by the machine's clock as it was once, counted on by what the kernel counts.

    All processes that use a store adopt the same beginning; it is good until the machine starts
    again. On systems other than Linux it is the machine's clock, and its text is empty.
    """

    def __init__(self) -> None:
        self._boot = _boot()
        self._offset = time.time() - _uptime() if self._boot else 0.0

    def __call__(self) -> float:
        return self._offset + _uptime() if self._boot else time.time()

    def __str__(self) -> str:
        return f"{self._boot} {self._offset!r}" if self._boot else ""

    def adopt(self, text: str) -> bool:
        """Goes by the clock that another process wrote down, if it did since the machine started."""
        boot, _, offset = text.partition(" ")
        if not self._boot or boot != self._boot:
            return False
        self._offset = float(offset)
        return True


@cache
def _boot() -> str:
    """What names this start of the machine; empty where the kernel does not say."""
    if sys.platform != "linux":
        return ""
    try:
        return BOOT_ID.read_text("utf-8").strip()
    except OSError:
        return ""


def _uptime() -> float:
    """Seconds since the machine started, also while it was asleep."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME)
