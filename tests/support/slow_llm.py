"""A strict OpenAI server that answers only when a test releases it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.loopback import ReceivedRequest
from tests.support.strict_openai import StrictOpenAI


@dataclass
class SlowLLM:
    """An LLM that answers when it is released; `called` is set once a call waits."""

    server: StrictOpenAI
    called: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[SlowLLM]:
        """One at a server of its own; no call is left waiting at the end."""
        with StrictOpenAI() as server:
            slow = cls(server)
            yield slow
            slow.release.set()

    def __call__(self, seen: ReceivedRequest) -> Any:
        self.called.set()
        self.release.wait(60)
        return self.server.answer(seen, None)

    def pause(self, calls: int = 1) -> None:
        """Makes the next calls wait for `release`."""
        self.called.clear()
        self.release.clear()
        self.server.fail(*[self] * calls)
