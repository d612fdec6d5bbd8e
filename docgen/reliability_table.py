"""Reads what the tests promise: each file's first sentence, and each test's own name."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def promises(*files: str) -> str:
    """A promise for each test file, with the tests that prove it, as Markdown."""
    return "\n".join(_promise(file) for file in files)


def _promise(file: str) -> str:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    promise = (ast.get_docstring(tree) or "").partition("\n")[0]
    names = [
        node.name.removeprefix("test_").replace("_", " ")
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    ]
    proofs = "\n".join(f"* {name}" for name in names)
    return f"### {promise.rstrip('.')}\n\nShown by `tests/{file}`:\n\n{proofs}\n"
