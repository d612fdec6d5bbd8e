"""The extension contract: what an installed package can add to callsheet, and how it is found.

A package adds a part by declaring an entry point; it patches nothing and registers nothing. Each
constant below is one entry-point group, with what an entry's value must be:

| group                 | an entry's name | its value                                              |
|-----------------------|-----------------|--------------------------------------------------------|
| `callsheet.groups`    | the pack        | a package whose folder holds `config.json` and the     |
|                       |                 | groups' files; it is read as data and never imported   |
| `callsheet.modules`   | the module id   | `callsheet.modules.contract.Module`                    |
| `callsheet.formats`   | the format      | `callsheet.catalog.formats.format.Format`              |
| `callsheet.providers` | the provider    | `callsheet.llm.providers.Provider`                     |
| `callsheet.exports`   | the export form | `callsheet.exports.export_format.ExportFormat`         |

A built-in part always takes precedence over an installed one of the same name. An entry is loaded
when its name is first used, so a broken package fails only those who use it, and `callsheet doctor`
lists every entry with the reason. `docs/extending.md` shows an example of each.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from callsheet.errors import InputError, InternalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

Part = TypeVar("Part")


@dataclass(frozen=True)
class ExtensionPoint:
    """An entry-point group, and what messages call one of its entries."""

    group: str
    kind: str

    def entries(self) -> dict[str, EntryPoint]:
        """The installed entries by name, in alphabetical order."""
        return dict(_entries(self.group, tuple(sys.path)))

    def load(self, entry: EntryPoint, expected: type[Part]) -> Part:
        """The object that an entry names; raises InputError or InternalError with the reason."""
        try:
            part = entry.load()
        except Exception as error:
            raise InputError(
                f"the {self.kind} `{entry.name}` cannot be loaded:"
                f" {type(error).__name__}: {error!s:.200}",
                hint=f"update or remove the package that brings it: {entry.value}",
            ) from error
        if not isinstance(part, expected):
            raise InternalError(
                f"the {self.kind} `{entry.name}` is not a `{expected.__name__}`,"
                f" but {type(part).__name__}"
            )
        if getattr(part, "name", entry.name) != entry.name:
            raise InternalError(
                f"the {self.kind} `{entry.name}` calls itself `{getattr(part, 'name', '')!s:.80}`"
            )
        return part


# Looking through all installed packages takes tens of milliseconds.
@lru_cache(maxsize=32)
def _entries(group: str, _search_path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=group), key=lambda entry: entry.name)
    return {entry.name: entry for entry in found}


forget_entries = _entries.cache_clear
"""For a process in which a package was installed after it began to look."""

GROUPS = ExtensionPoint("callsheet.groups", "pack of model groups")
MODULES = ExtensionPoint("callsheet.modules", "module")
FORMATS = ExtensionPoint("callsheet.formats", "format")
PROVIDERS = ExtensionPoint("callsheet.providers", "provider")
EXPORTS = ExtensionPoint("callsheet.exports", "export form")


def package_of(entry: EntryPoint) -> str:
    """The distribution that an entry belongs to, with its version: `inkwash-pack 0.1`."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
