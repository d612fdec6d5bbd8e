"""Modules are found by id: our own in a table, others through entry points of installed packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callsheet.errors import InputError, InternalError, UnknownNameError
from callsheet.modules.contract import Module
from callsheet.modules.registry import BUILT_IN, find_module
from callsheet.plugins import MODULES, forget_entries

GUEST = '''"""A guest."""
from callsheet.modules.contract import Done, Module, Values


class Inputs(Values):
    text: str


class Outputs(Values):
    text: str


async def run(inputs, stage):
    return Done(Outputs(text=inputs.text[::-1]))


module = Module(Inputs, Outputs, run)
no_module = "only a text"
'''

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package with these entry points where Python finds installed ones."""
    site = tmp_path / "site"
    package = site / "callsheet_guest_for_tests"
    info = site / "callsheet_guest-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("")
    (package / "backwards.py").write_text(GUEST)
    (package / "broken.py").write_text("import a_package_nobody_has\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-guest\nVersion: 1.0\n")

    def put(points: str) -> None:
        (info / "entry_points.txt").write_text(f"[{MODULES.group}]\n{points}\n")
        importlib.invalidate_caches()
        forget_entries()

    put("")
    monkeypatch.syspath_prepend(site)
    yield put
    forget_entries()
    for name in [name for name in sys.modules if name.startswith("callsheet_guest_for_tests")]:
        del sys.modules[name]


@pytest.mark.parametrize("module_id", BUILT_IN)
def test_every_module_of_our_own_is_found_and_typed(module_id: str) -> None:
    found = find_module(module_id)

    assert isinstance(found, Module)
    assert (found.inputs.__doc__ or "").strip()
    assert (found.outputs.__doc__ or "").strip()
    assert set(found.paths) <= set(found.inputs.model_fields)


def test_a_plugin_is_found_by_the_name_of_its_entry_point(install: Install) -> None:
    install("text.backwards = callsheet_guest_for_tests.backwards:module")

    found = find_module("text.backwards")

    assert list(found.inputs.model_fields) == ["text"]
    assert find_module("text.backwards") is found


def test_an_unknown_module_lists_built_in_and_plugin_modules_nearest_first(
    install: Install,
) -> None:
    install("text.backwards = callsheet_guest_for_tests.backwards:module")

    with pytest.raises(UnknownNameError, match=r"there is no module 'text\.backward'") as caught:
        find_module("text.backward")

    assert caught.value.hint.startswith("known: text.backwards, ")
    assert all(module_id in caught.value.hint for module_id in BUILT_IN)


def test_a_plugin_module_cannot_replace_a_built_in_one(install: Install) -> None:
    ours = find_module("api.llm")
    install("api.llm = callsheet_guest_for_tests.backwards:module")

    assert find_module("api.llm") is ours


@pytest.mark.parametrize(
    "place", ["callsheet_guest_for_tests.broken:module", "callsheet_guest_for_tests.backwards:gone"]
)
def test_a_plugin_that_cannot_be_loaded_is_reported_with_its_package(
    install: Install, place: str
) -> None:
    install(f"text.broken = {place}")

    with pytest.raises(InputError, match=r"`text\.broken` cannot be loaded") as caught:
        find_module("text.broken")

    assert place in caught.value.hint


def test_an_entry_point_that_is_not_a_module_is_rejected(install: Install) -> None:
    install("text.odd = callsheet_guest_for_tests.backwards:no_module")

    with pytest.raises(InternalError, match=r"`text\.odd` is not a `Module`, but str"):
        find_module("text.odd")
