"""Turns a program's ideas into a sheet that can be read several times."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import JsonValue

    Ideas = Iterable[str | Mapping[str, JsonValue]] | str | PathLike[str]


@contextmanager
def open_input(ideas: Ideas) -> Iterator[Path]:
    """Yield the named file, or a temporary one with these ideas; raises InputError."""
    if isinstance(ideas, (str, PathLike)):
        yield Path(ideas)
        return
    with tempfile.TemporaryDirectory(prefix="callsheet-") as folder:
        path = Path(folder) / "ideas.jsonl"
        number = 0
        with path.open("w", encoding="utf-8") as file:
            for number, idea in enumerate(ideas, start=1):
                file.write(f"{_line(number, idea)}\n")
        if not number:
            raise InputError("no ideas were given", hint="one text, or one dict, for each")
        yield path


def _line(number: int, idea: str | Mapping[str, JsonValue]) -> str:
    try:
        return json.dumps({"idea": idea} if isinstance(idea, str) else dict(idea))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"row {number} is neither an idea nor a row: {error}",
            hint='a text, or a dict such as {"idea": "…", "groups": "sora"}',
        ) from error
