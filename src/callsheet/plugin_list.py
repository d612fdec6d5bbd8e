"""Lists the parts of every extension point, built in and installed, with the reason where one is broken."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from callsheet import plugins
from callsheet.catalog import formats
from callsheet.catalog.groups import read_catalog
from callsheet.errors import CallsheetError
from callsheet.exports.registry import EXPORTS, find_export
from callsheet.llm.providers import PROVIDERS, find_provider
from callsheet.loader.bundle import CONFIG, built_in_workflows
from callsheet.loader.plugins import read_group_pack
from callsheet.modules.registry import BUILT_IN, find_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.metadata import EntryPoint

    from callsheet.plugins import ExtensionPoint


@dataclass(frozen=True)
class Part:
    """A part by name, and the package that it comes from; empty where it is built in.

    `problem` says why an installed part cannot be used; it is empty where it can.
    """

    name: str
    package: str = ""
    problem: str = ""
    hint: str = ""
    exit_code: int = 0


def list_parts() -> dict[str, tuple[Part, ...]]:
    """The parts of each extension point, the built-in ones first."""
    return {
        "model groups": _parts(plugins.GROUPS, _built_in_groups(), _read_pack),
        "modules": _parts(plugins.MODULES, BUILT_IN, lambda entry: find_module(entry.name)),
        "formats": _parts(
            plugins.FORMATS, formats.built_in(), lambda entry: formats.find_format(entry.name)
        ),
        "providers": _parts(plugins.PROVIDERS, PROVIDERS, lambda entry: find_provider(entry.name)),
        "export forms": _parts(plugins.EXPORTS, EXPORTS, lambda entry: find_export(entry.name)),
    }


def _parts(
    point: ExtensionPoint, built_in: Iterable[str], use: Callable[[EntryPoint], object]
) -> tuple[Part, ...]:
    names = list(built_in)
    installed = (_installed(entry, names, use) for entry in point.entries().values())
    return (*map(Part, names), *installed)


def _installed(entry: EntryPoint, built_in: list[str], use: Callable[[EntryPoint], object]) -> Part:
    package = plugins.package_of(entry)
    if entry.name in built_in:
        hint = "the package must choose another name"
        return Part(entry.name, package, f"`{entry.name}` is built in", hint, 2)
    try:
        use(entry)
    except CallsheetError as error:
        return Part(entry.name, package, error.message, error.hint, error.exit_code)
    return Part(entry.name, package)


def _built_in_groups() -> Iterator[str]:
    """The groups of each built-in workflow, as `oms/sora`."""
    package = files("callsheet").joinpath(CONFIG).read_text("utf-8")
    for name, folder in built_in_workflows().items():
        own = folder / CONFIG
        catalog = read_catalog(package, own.read_text("utf-8") if own.exists() else None)
        for group in catalog.groups():
            yield f"{name}/{group.name}"


def _read_pack(entry: EntryPoint) -> object:
    pack = read_group_pack(entry.name, entry.value)
    return read_catalog(pack.config, file=pack.file)
