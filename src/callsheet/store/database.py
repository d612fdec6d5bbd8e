"""What the store asks of a database: named statements, alone to read and in transactions to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

T = TypeVar("T")

Row = tuple[Any, ...]


class Transaction(Protocol):
    """Carries out named statements of `queries.sql` inside one transaction.

    The time is there as `:at` without being handed in. `again` says that the same work may have been
    committed before, and nobody heard of it.
    """

    @property
    def again(self) -> bool: ...

    async def __call__(self, statement: str, /, **values: object) -> list[Row]: ...

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """The same statement, which answers nothing, for every row."""
        ...


class Database(Protocol):
    """A database with the store's layout. Raises StorageError where it cannot be used."""

    @property
    def place(self) -> str:
        """How messages call it; no secret is in it."""
        ...

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        """What a named statement finds of all that is committed."""
        ...

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        """What `work` for a run answers, once its transaction is committed.

        `last` says that the run is let go of: for now it writes nothing more.
        Work of several runs may share a transaction, and work may be begun again from the start; where
        it raises, nothing of it is kept. It is written even where nobody waits for it any more.
        """
        ...

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """The same for work that forgets: no word of it is left behind on the disk."""
        ...

    async def version(self) -> Hashable:
        """Another one after every write of anybody."""
        ...

    async def describe(self) -> str:
        """Which database it is, in which version and manner."""
        ...

    def close(self) -> None: ...
