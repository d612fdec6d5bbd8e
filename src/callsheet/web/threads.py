"""Work that keeps a processor busy, done beside the event loop that answers everybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


async def run_in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the work brings, carried out in a thread with a loop of its own."""
    return await asyncio.to_thread(lambda: asyncio.run(work()))
