"""Opens the store that the settings name: a SQLite file or a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callsheet.settings import Settings
    from callsheet.store.port import Store


FILE = "runs.sqlite"


def open_store(settings: Settings) -> Store:
    """The store of the settings; raises StorageError where it cannot be used."""
    from callsheet.store.sql import SqlStore

    if settings.database_url is None:
        return SqlStore(settings.home / FILE, lease_seconds=settings.lease_seconds)
    from callsheet.store.postgres import Postgres

    return SqlStore(Postgres(settings.database_url), lease_seconds=settings.lease_seconds)


def open_existing_store(settings: Settings) -> Store | None:
    """The store of the settings, or None where it does not exist yet; creates nothing."""
    exists = settings.database_url is not None or (settings.home / FILE).exists()
    return open_store(settings) if exists else None
