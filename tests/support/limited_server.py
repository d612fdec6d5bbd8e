"""`callsheet serve` with limits so small that a test reaches them at once; run as a program."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from callsheet.settings import read_settings
from callsheet.web.connections import ConnectionLimits
from callsheet.web.server import ListenAddress, Server
from tests.support.cli import Terminal

LIMITS = ConnectionLimits(
    request_seconds=1.0, bytes_per_second=20_000, unread_seconds=1.0, per_address=3, own=20
)


@dataclass
class LimitedTerminal(Terminal):
    """Starts this program in place of `callsheet serve`."""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.support.limited_server"]

    def environment(self) -> dict[str, str]:
        root = str(Path(__file__).parents[2])
        return super().environment() | {"PYTHONPATH": f"{self.guard}:{root}"}


def main() -> None:
    server = Server(read_settings(), {"oms": "oms"}, ListenAddress(port=0), limits=LIMITS)
    asyncio.run(
        server.run(lambda: print(f"callsheet is running at {server.address}", flush=True))  # noqa: T201
    )


if __name__ == "__main__":
    main()
