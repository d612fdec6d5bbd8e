"""The page on reliability names tests that exist, and at least one for each fault and attack."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.document_runner import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
TEST = re.compile(r"\[`(test_\w+)`\]\(\.\./([^)]+)\)")
MATRIX = "Twenty-five faults and attacks"


def _rows(title: str) -> list[list[str]]:
    """The cells of each row of the table below a title."""
    _, _, below = PAGE.partition(f"\n## {title}\n")
    table = re.findall(r"^\| (.*) \|$", below.partition("\n## ")[0], re.MULTILINE)
    return [row.split(" | ") for row in table[2:]]


@cache
def _tests(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


@pytest.mark.parametrize(("name", "file"), sorted(set(TEST.findall(PAGE))))
def test_a_test_that_is_named_exists(name: str, file: str) -> None:
    assert name in _tests(file)


def test_each_of_the_twenty_five_has_a_test_and_says_how_it_differs_from_the_plan() -> None:
    rows = _rows(MATRIX)
    assert [row[0] for row in rows] == [str(number) for number in range(1, 26)]
    assert not [row[1] for row in rows if not TEST.search(row[3]) or not row[4].strip()]


@pytest.mark.parametrize("title", ["Faults that were found here", "Faults of the storage"])
def test_each_fault_names_what_shows_it(title: str) -> None:
    rows = _rows(title)
    assert len(rows) > 5
    assert not [row[0] for row in rows if "](../tests/" not in row[-1]]
