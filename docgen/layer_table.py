"""The table of the import layers, from the contract in `pyproject.toml`."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from docgen.markdown import table

ROOT = Path(__file__).parents[1]


def layer_table() -> str:
    """Return each layer, highest first, with what its packages and files are for."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    rows = [
        [f"{len(layers) - number}", f"`{name}`", _purpose(name)]
        for number, layer in enumerate(layers)
        for name in layer.split(" | ")
    ]
    return table(["layer", "in `src/callsheet`", "purpose"], rows)


def _purpose(name: str) -> str:
    place = ROOT / "src" / "callsheet" / name
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n")[0]
