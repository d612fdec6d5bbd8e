"""Puts a text on the clipboard, with whichever program this machine has for it."""

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
"""What each is called with; the first that is there and succeeds is taken."""

LONGEST_SECONDS = 10


def copy(text: str) -> str:
    """Puts the text on the clipboard; answers with the program that did. Raises InputError."""
    found = {name: path for name in PROGRAMS if (path := shutil.which(name))}
    for name, path in found.items():
        if _copied(name, path, text):
            return name
    if found:
        raise InputError(
            f"{', '.join(found)} could not reach a clipboard",
            hint="is there a screen? `--output FILE` writes a file instead",
        )
    raise InputError(
        "no program for the clipboard is here",
        hint=f"install one of {', '.join(PROGRAMS)}, or write a file with `--output FILE`",
    )


def _copied(name: str, path: str, text: str) -> bool:
    # Windows' own program reads UTF-8 as the letters of an older age.
    encoding = "utf-16" if name == "clip.exe" else "utf-8"
    try:
        done = subprocess.run(  # noqa: S603  # a program of the table, found on the person's path
            [path, *PROGRAMS[name]],
            input=text.encode(encoding, "replace"),
            # It may stay behind to serve the clipboard, and must not hold our own output open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
