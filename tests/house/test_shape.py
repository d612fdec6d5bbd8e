"""The shape of the house: small files, small functions, first lines that say why, honest words."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from callsheet.loader.bundle import built_in_workflows, inspect_workflow
from callsheet.modules.registry import BUILT_IN
from callsheet.web.page_files import MODULES, joined_modules, page_files

SUPPORT = "support"
"""What several modules share: the one folder of `modules` whose files have no module id."""

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "callsheet"
FILES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted(
    path for room in ("tests", "benchmarks", "docgen") for path in (ROOT / room).rglob("*.py")
)

PAGE = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".js", ".css"))

MAX_LINES = 400
MAX_FUNCTION = 50
MAX_COLUMNS = 110


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES + TESTS, ids=_name)
def test_a_file_is_read_in_one_sitting_and_says_first_why_it_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text)), "the first line says why the file exists"


@pytest.mark.parametrize("path", PAGE, ids=_name)
def test_a_file_of_the_page_is_short_and_says_first_why_it_exists(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= MAX_COLUMNS
    assert lines[0].startswith(("// ", "/* ")), "the first line says why the file exists"


def test_the_page_makes_no_markup_out_of_text() -> None:
    """With the server's content policy this is the second lock on the same door."""
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|Function\("
    for path in PAGE:
        assert not re.search(ways, path.read_text("utf-8")), _name(path)


def _modules() -> dict[str, set[str]]:
    """Each module of the page by its name, with the names of those that it imports."""
    imported = re.compile(r'\b(?:from|import)\b[ (]*"(?:\./)?([\w./]+\.js)"')
    return {
        path.name: set(imported.findall(text))
        for path in PAGE
        if path.suffix == ".js"
        and re.search(r"^(import|export) ", text := path.read_text("utf-8"), re.MULTILINE)
    }


def test_the_modules_of_the_page_import_each_other_in_no_circle() -> None:
    modules = _modules()
    order = [*TopologicalSorter(modules).static_order()]
    assert sorted(order) == sorted(modules), "every imported module exists"
    assert order[-1] == "main.js", "main.js uses all others"


def test_every_module_of_the_page_is_joined_into_the_file_that_it_loads() -> None:
    folder = SOURCE / "web" / "page"
    joined = joined_modules(page_files())
    heads = {name: (folder / name).read_text("utf-8").partition("\n")[0] for name in _modules()}
    assert {name: joined.count(head) for name, head in heads.items()} == dict.fromkeys(heads, 1)
    assert f"/page/{MODULES}" in (folder / "index.html").read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_function_fits_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION, node.name


def test_no_room_is_called_by_a_name_that_says_nothing() -> None:
    empty_words = {"utils", "common", "core", "helpers", "types", "manager", "misc", "base"}
    assert not {path.stem for path in SOURCE.rglob("*")} & empty_words


def test_every_module_id_is_its_path() -> None:
    files = {
        f"{path.parent.name}.{path.stem}"
        for path in (SOURCE / "modules").glob("*/*.py")
        if path.stem != "__init__" and path.parent.name != SUPPORT
    }
    assert files == set(BUILT_IN)
    assert all(place == f"callsheet.modules.{name}" for name, place in BUILT_IN.items())


def test_the_support_of_modules_is_no_module() -> None:
    for path in (SOURCE / "modules" / SUPPORT).glob("*.py"):
        assert not re.search(r"^module\b", path.read_text("utf-8"), re.MULTILINE), _name(path)


def test_the_import_contracts_cover_every_family_of_modules() -> None:
    families = {path.name for path in (SOURCE / "modules").iterdir() if path.is_dir()}
    families -= {SUPPORT, "__pycache__"}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    independent = next(
        each["modules"]
        for each in contracts["tool"]["importlinter"]["contracts"]
        if each["name"] == "A module knows no other module"
    )
    assert set(independent) == {f"callsheet.modules.{family}.*" for family in families}


@pytest.mark.parametrize("room", ["engine", "workflow", "store", "workers", "llm"])
def test_the_machinery_names_no_group_and_no_scene(room: str) -> None:
    words = {"anime", "lofi", "rain-streaked"}
    for workflow in built_in_workflows():
        catalog = inspect_workflow(workflow)[0].resources.catalog
        words |= set(catalog.categories) | {group.name for group in catalog.groups()}
        words |= {model.lower() for group in catalog.groups() for model in group.models}
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, sorted(words))) + r")\b", re.IGNORECASE)
    for path in (SOURCE / room).rglob("*.*"):
        if path.suffix in (".py", ".sql"):
            assert not pattern.findall(path.read_text("utf-8")), _name(path)


def test_only_the_settings_read_the_environment() -> None:
    for path in FILES:
        if path.name != "settings.py":
            assert not re.search(r"os\.(environ|getenv)", path.read_text("utf-8")), _name(path)


def test_nothing_is_ever_unpickled() -> None:
    for path in FILES:
        assert not re.search(r"\b(pickle|marshal|shelve|dill)\b", path.read_text("utf-8")), _name(
            path
        )


def test_workflows_are_data_only() -> None:
    assert not list((SOURCE / "workflows").rglob("*.py"))


def test_no_two_classes_share_a_name() -> None:
    """Only the classes `Inputs` and `Outputs` of modules do: each file of `modules` has its own."""
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name not in ("Inputs", "Outputs"):
                places.setdefault(node.name, []).append(_name(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
