"""Reads a workflow's files, and nothing outside its folder."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MAX_FILE = 1_000_000
"""Bytes; the longest instruction file is a hundredth of that."""

MAX_FILES = 2_000


class WorkflowFolder:
    """The files of one workflow by relative path; what was read, or was not there, is cached.

    `name` is what messages call the folder. `read` raises InputError with the same text for a file
    that is missing and for one outside the folder, so that nothing can be probed.
    """

    def __init__(self, name: str, source: Callable[[str], str | None]) -> None:
        self.name = name
        self._source = source
        self._files: dict[str, str] = {}
        self._absent: set[str] = set()

    def read(self, path: str) -> str:
        text = self._find(path)
        if text is None:
            raise InputError(
                f"{path!r:.200} is not a readable file of the workflow's folder",
                hint="paths are relative to the workflow's folder and stay inside it",
            )
        return text

    def has(self, path: str) -> bool:
        return self._find(path) is not None

    def _find(self, path: str) -> str | None:
        known = path in self._files or path in self._absent
        if not known and len(self._files) < MAX_FILES:
            text = self._source(path)
            if text is not None:
                self._files[path] = text
            elif len(self._absent) < MAX_FILES:
                self._absent.add(path)
        return self._files.get(path)

    def read_if_there(self, path: str | None) -> str:
        """A file's text; empty where there is no such file, or no path."""
        return self.read(path) if path is not None and self.has(path) else ""

    @property
    def files(self) -> Mapping[str, str]:
        """Every file read so far."""
        return dict(self._files)


def folder_on_disk(root: Path, *others: Path) -> WorkflowFolder:
    """The folder `root` as it is now; files that it lacks are read from the others, in order."""
    folders = [each.resolve() for each in (root, *others)]

    def read(path: str) -> str | None:
        texts = (_read_inside(folder, path) for folder in folders)
        return next((text for text in texts if text is not None), None)

    return WorkflowFolder(root.name, read)


def folder_in_memory(name: str, files: Mapping[str, str]) -> WorkflowFolder:
    """A folder as it was stored with a run."""
    return WorkflowFolder(name, files.get)


def content_hash(text: str) -> str:
    """The name under which a file's content is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def _read_inside(root: Path, path: str) -> str | None:
    if not path or "\0" in path or "\\" in path or ":" in path or path.startswith(("/", "~")):
        return None
    target = root / path
    try:
        resolved = target.resolve(strict=True)
        if ".." in target.parts or root not in resolved.parents:
            return None
        return _read_regular(root, resolved.relative_to(root).parts)
    except (OSError, RuntimeError, ValueError):
        # ValueError: a name that the file system cannot represent, or a text that is not UTF-8.
        return None


def _read_regular(root: Path, parts: Sequence[str]) -> str | None:
    descriptor = _open_inside(root, parts)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE + 1)
    finally:
        os.close(descriptor)
    return data.decode("utf-8-sig") if len(data) <= MAX_FILE else None


def _open_inside(root: Path, parts: Sequence[str]) -> int:
    """A descriptor of the file that these names lead to from the folder.

    Links were resolved before; one that has replaced a file or a folder since then is not followed.
    """
    no_link = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
    # Without O_NONBLOCK, opening a FIFO would block until a writer opens it.
    flags = no_link | getattr(os, "O_NONBLOCK", 0)
    if os.open not in os.supports_dir_fd:
        return os.open(root.joinpath(*parts), flags)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in parts[:-1]:
            inner = os.open(name, no_link | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)
