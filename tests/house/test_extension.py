"""What can be extended is a table or a folder: no file elsewhere knows an entry of it by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.llm.providers import PROVIDERS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "callsheet"
TABLE = SOURCE / "llm" / "providers.py"
FILES = sorted(path for path in SOURCE.rglob("*.py") if path != TABLE)


def compared(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each text that code compares something with, and the code of what is compared."""
    for node in ast.walk(tree):
        subject: ast.expr
        match node:
            case ast.Compare(left=subject, comparators=sides):
                values: list[ast.expr] = [subject, *sides]
            case ast.Call(
                func=ast.Attribute(value=subject, attr="startswith" | "endswith"), args=[*values]
            ):
                pass
            case ast.Match(subject=subject, cases=cases):
                values = [
                    each.value
                    for case in cases
                    for each in ast.walk(case.pattern)
                    if isinstance(each, ast.MatchValue)
                ]
            case _:
                continue
        for value in values:
            for leaf in ast.walk(value):
                if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str):
                    yield leaf.value, ast.unparse(subject)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_table_of_providers_knows_a_provider_by_name(path: Path) -> None:
    names = {*PROVIDERS, *(provider.title for provider in PROVIDERS.values())}
    for text, subject in compared(ast.parse(path.read_text("utf-8"))):
        # A question may be of the kind `paste`, too.
        if not subject.endswith(".kind"):
            assert text.rstrip(":") not in names, f"{subject} is compared with {text!r}"


def test_the_search_finds_each_way_of_comparing() -> None:
    code = """
a.provider == "openai"
a.provider in ("offline", "x")
spec.startswith("google:")
match dialect:
    case "ollama" | "y":
        pass
"""
    found = {text.rstrip(":") for text, _ in compared(ast.parse(code))}
    assert {"openai", "offline", "google", "ollama"} <= found
