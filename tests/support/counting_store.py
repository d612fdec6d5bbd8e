"""A store in memory that counts its commits, and the modules that are stored with them."""

from __future__ import annotations

from typing import Any

from callsheet.events import OutputWritten, RecordedEvent
from callsheet.store.sql import SqlStore
from callsheet.store.sqlite import Sqlite


class CountingStore(SqlStore):
    """Remembers of each commit how many modules were stored by then."""

    def __init__(self) -> None:
        super().__init__(Sqlite(None))
        self.commits: list[int] = []

    @property
    def count(self) -> int:
        """How often was committed behind a run's creation."""
        return len(self.commits) - 1

    @property
    def modules(self) -> int:
        """How many modules are stored."""
        return self.commits[-1] if self.commits else 0

    async def create(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        return self._counted(await super().create(*args, **named))

    async def append(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        return self._counted(await super().append(*args, **named))

    def _counted(self, written: list[RecordedEvent]) -> list[RecordedEvent]:
        done = sum(isinstance(each.event, OutputWritten) for each in written)
        self.commits.append(self.modules + done)
        return written
