"""Copies text to the clipboard with the first program of the platform that works."""

from __future__ import annotations

import shutil
import subprocess

from callsheet.errors import InputError

PROGRAMS = {
    "pbcopy": (),
    "wl-copy": (),
    "xclip": ("-selection", "clipboard"),
    "xsel": ("--clipboard", "--input"),
    "clip.exe": (),
}
"""Each program with its arguments, in the order in which they are tried."""

TIMEOUT_SECONDS = 10


def copy(text: str) -> str:
    """Copies the text to the clipboard; returns the name of the program. Raises InputError."""
    found = {name: path for name in PROGRAMS if (path := shutil.which(name))}
    for name, path in found.items():
        if _copy_with(name, path, text):
            return name
    if found:
        raise InputError(
            f"{', '.join(found)} could not reach a clipboard",
            hint="without a graphical session, write a file instead: --output FILE",
        )
    raise InputError(
        "no clipboard program is installed",
        hint=f"install one of {', '.join(PROGRAMS)}, or write a file: --output FILE",
    )


def _copy_with(name: str, path: str, text: str) -> bool:
    # clip.exe reads UTF-8 in the legacy code page.
    encoding = "utf-16" if name == "clip.exe" else "utf-8"
    try:
        done = subprocess.run(  # noqa: S603  # a program of the table, found on the user's PATH
            [path, *PROGRAMS[name]],
            input=text.encode(encoding, "replace"),
            # The program may keep running to serve the clipboard; it must not keep stdout open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
