"""Retired names stay retired: one word has one meaning, and it is the field's word."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "callsheet"
PYTHON = sorted(SOURCE.rglob("*.py"))
PAGE = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".js", ".css", ".html"))

WORDS = frozenset(
    {
        "told", "tell", "tells", "telling", "wish", "wishes", "office", "manner", "till", "shelf",
        "desk", "doorman", "ear", "deed", "deeds", "guest", "guests", "mend", "mends", "mended",
        "mending", "errand", "errands", "relay", "workforce", "lowering", "anew", "nursery",
    }
)  # fmt: skip
"""Words that named several things, or were figures of speech. Values of stored events keep them."""

CLASSES = frozenset(
    {
        "Asking", "Bill", "Bought", "Capped", "Cast", "Errand", "Fact", "Fault", "Feed", "Going",
        "Guest", "Judge", "Line", "Manner", "Materials", "Measure", "Order", "Pace", "Place",
        "Priced", "Production", "Ready", "Recorded", "Sent", "Sheet", "Spent", "Stage", "Standard",
        "Tally", "Terms", "Unopened", "Wish",
    }
)  # fmt: skip
FILES = frozenset(
    {
        "allowing", "anew", "aside", "asking", "batching", "building", "calls", "ceiling", "cells",
        "deeds", "describing", "doors", "editing", "estimating", "failing", "faults", "following",
        "forms.js", "guests", "handed_in", "kept", "line", "looking", "lowering", "machines",
        "making", "moves", "names.js", "pricing", "productions", "proofreading", "reading",
        "receipts", "relay", "results", "retrying", "running", "saving", "scene", "shelf",
        "showing", "sides", "telling", "till", "tuning", "unfinished", "upkeep", "wire", "wishes",
        "wording", "workforce",
    }
)  # fmt: skip


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def _definitions(path: Path) -> list[str]:
    return [
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_class_function_or_file_has_a_retired_name(path: Path) -> None:
    names = _definitions(path)
    assert not FILES & {path.stem}
    assert not CLASSES & set(names)
    assert not {name for name in [path.stem, *names] if WORDS & _words(name)}


@pytest.mark.parametrize("path", PAGE, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_function_or_selector_of_the_page_has_a_retired_name(path: Path) -> None:
    assert not FILES & {path.stem}
    text = path.read_text("utf-8")
    patterns = {
        ".js": r"\b(?:function|const|let|class)\s+([\w$]+)",
        ".css": r"[.#]([a-zA-Z][\w-]*)(?=[^{}]*\{)",
        ".html": r'\b(?:id|class)="([^"]*)"',
    }
    names = re.findall(patterns[path.suffix], text)
    assert not {name for name in names if WORDS & _words(name)}


def test_no_two_classes_share_a_name() -> None:
    """The inputs and outputs of modules are the exception: a module is their namespace."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name not in ("Inputs", "Outputs"):
                places[node.name].append(str(path.relative_to(SOURCE)))
    assert not {name: found for name, found in places.items() if len(found) > 1}
