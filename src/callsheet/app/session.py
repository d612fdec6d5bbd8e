"""A run that is held by this process: it is carried on, answered, and let go."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.app.ceiling import Capped
from callsheet.app.results import document_of
from callsheet.engine.advance import Cast, advance, answer
from callsheet.store.port import HeldError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.engine.journal import Journal
    from callsheet.engine.view import View
    from callsheet.llm.port import LLM
    from callsheet.store.port import Store


@dataclass
class Session:
    """A run that is held by this process: it can be carried on and answered."""

    store: Store
    journal: Journal
    production: Production
    llm: LLM

    @property
    def view(self) -> View:
        """The run as it stands."""
        return self.journal.view

    async def go_on(self) -> View:
        """Carries the run on until it ends or a question is open."""
        llm, ceiling = self.llm, self.view.max_cost
        if ceiling is not None:
            llm = Capped(llm, ceiling, self.view, self.production)
        cast = Cast(self.production.document, self.production.materials, llm)
        async with self._heartbeat():
            return await advance(self.journal, cast)

    async def answer(self, value: JsonValue) -> None:
        """Records an answer to the open question; raises AnswerError where it does not fit."""
        await answer(self.journal, value)

    def document(self) -> dict[str, Any]:
        """The run's document, as it stands."""
        return document_of(self.production, self.view, self.view.status)

    async def close(self) -> None:
        """Lets go of the run."""
        with suppress(HeldError):
            await self.journal.append()
        await self.store.release(self.journal.lease)

    @asynccontextmanager
    async def _heartbeat(self) -> AsyncIterator[None]:
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError, HeldError):
                await beating

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.store.lease_seconds / 3)
            await self.store.beat(self.journal.lease)
