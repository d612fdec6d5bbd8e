"""Counts the calls of the last minute, across all processes, where a rate limit is set."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet.store.database import Database, Transaction
    from callsheet.store.port import RateLimit


async def count_call(database: Database, key: str, tokens: int, limit: RateLimit) -> float:
    """Counts a call that is about to be made; returns 0, or the seconds to wait: then it was not counted."""
    mark = secrets.token_hex(4)

    async def write(do: Transaction) -> float:
        await do("lock_calls", name=key)
        await do("delete_old_calls", name=key)
        made = await do("select_calls", name=key)
        if made:
            times = [(at, each) for at, each, _ in made]
            if (delay := limit.delay(times, made[0][2], tokens)) > 0:
                return delay
        await do("insert_call", name=key, mark=mark, tokens=tokens)
        return 0.0

    return await database.write(key, write, last=True)
