"""The interface of a database: named statements, to read alone and to write in transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

T = TypeVar("T")

Row = tuple[Any, ...]


class Transaction(Protocol):
    """Executes named statements of `queries.sql` inside one transaction.

    The parameter `:at` is always the current time, and `:steady` the same by a clock that does not
    jump. `again` says that the same work may have been
    committed before, without its result being received.
    """

    @property
    def again(self) -> bool: ...

    async def __call__(self, statement: str, /, **values: object) -> list[Row]: ...

    async def each(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Executes a statement without result for every row."""
        ...


class Database(Protocol):
    """A database with the layout of the store. Raises StorageError where it cannot be used."""

    @property
    def place(self) -> str:
        """Its name in messages, without secrets."""
        ...

    async def read(self, statement: str, /, **values: object) -> list[Row]:
        """The rows of a named statement, of committed data only."""
        ...

    async def write(
        self, run: str, work: Callable[[Transaction], Awaitable[T]], *, last: bool = False
    ) -> T:
        """The result of `work` for a run, once its transaction is committed.

        `last` says that the lease ends, so that no more writes of this run follow soon.
        Work of several runs may share a transaction, and work may be repeated from the start; where it
        raises, nothing of it is stored. It is committed even if the caller is cancelled.
        """
        ...

    async def erase(self, run: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """The same for work that deletes: nothing of the data remains on the disk."""
        ...

    async def version(self) -> Hashable:
        """A value that changes with every write of any process."""
        ...

    async def check(self) -> None:
        """Reads all data; raises StorageCorruptError where it is damaged. A server checks its own."""
        ...

    async def describe(self) -> str:
        """Product, version and layout, for `doctor`."""
        ...

    def close(self) -> None: ...
