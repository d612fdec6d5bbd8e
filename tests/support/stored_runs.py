"""Runs written straight into a store: a lease, a note as an event, and runs that have begun."""

from __future__ import annotations

import asyncio

from callsheet.events import Noted
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore


def lease(run: str) -> Lease:
    return Lease(run, "me", 1)


def note(text: str) -> list[Noted]:
    return [Noted(step="s", text=text)]


async def begin(store: SqlStore, *runs: str) -> None:
    await asyncio.gather(*(store.create(lease(run), "oms", note("began"), {}) for run in runs))
