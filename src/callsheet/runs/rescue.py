"""Rescues the runs of a damaged store: into the store of the settings, or into a new file in its place."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import InputError, StorageLockedError
from callsheet.store.factory import FILE, open_store
from callsheet.store.file_state import FileState
from callsheet.store.rescue import Rescued, rescue
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from pathlib import Path

    from callsheet.settings import Settings

BESIDE = ("-journal", "-wal", "-shm")
"""The files that SQLite keeps beside a database."""


@dataclass(frozen=True)
class RescueReport:
    """What was copied from `damaged`, which is kept there unchanged, to `store`."""

    damaged: Path
    store: str
    rescued: Rescued


async def rescue_runs(settings: Settings, file: Path) -> RescueReport:
    """Copies what can be read; the settings' own file is set aside, and a new one takes its place."""
    own = settings.home / FILE
    if settings.database_url is None and _is_same(file, own):
        return await _replace(own)
    store = open_store(settings)
    assert isinstance(store, SqlStore)  # noqa: S101  # a file or a server, both use SQL
    try:
        return RescueReport(file, store.database.place, await rescue(file, store))
    finally:
        store.close()


def _is_same(file: Path, own: Path) -> bool:
    if not file.is_file():
        raise InputError(f"there is no file {file}", hint="name the damaged store: runs.sqlite")
    return own.exists() and own.samefile(file)


async def _replace(own: Path) -> RescueReport:
    state = FileState(own)
    try:
        if not state.is_alone():
            raise StorageLockedError(
                f"{own} is in use", hint="end `callsheet serve` and every run first"
            )
        new = own.with_name("rescued.sqlite.part")
        _remove(new)
        store = SqlStore(new)
        try:
            rescued = await rescue(own, store)
        finally:
            store.close()
        damaged = _set_aside(own)
        os.replace(new, own)  # noqa: PTH105  # the word for what happens
        _remove(new)
    finally:
        state.abandon()
    own.with_name(f"{own.name}-state").unlink(missing_ok=True)
    return RescueReport(damaged, str(own), rescued)


def _set_aside(own: Path) -> Path:
    """Moves the file, with what belongs to it, to a name that no file has."""
    number, damaged = 1, own.with_name("damaged.sqlite")
    while damaged.exists():
        number += 1
        damaged = own.with_name(f"damaged-{number}.sqlite")
    for suffix in BESIDE:
        # A journal that stayed would be applied to the new file.
        with suppress(FileNotFoundError):
            own.with_name(own.name + suffix).rename(damaged.with_name(damaged.name + suffix))
    own.rename(damaged)
    return damaged


def _remove(file: Path) -> None:
    for suffix in ("", "-state", *BESIDE):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
