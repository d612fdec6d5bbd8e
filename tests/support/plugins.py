"""Installs tiny packages: a folder with code and the metadata that an installer would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from callsheet.plugins import forget_entries


def install(site: Path, package: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Writes the metadata of a package; `points` are its entry points by group and name."""
    metadata = site / f"{package}-0.1.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
    lines = [
        line
        for group, entries in points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    forget_entries()


def write_package(site: Path, package: str, files: Mapping[str, str]) -> None:
    """Writes the code of a package."""
    folder = site / package
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"__init__.py": "", **files}.items():
        (folder / name).write_text(text)
