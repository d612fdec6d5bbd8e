"""Sets up a process that carries on thousands of runs, some dozens of them at once."""

from __future__ import annotations

import gc
import sys


def tune_interpreter() -> None:
    """Sets the interpreter up for it: it is a whole process's affair, so a door calls it."""
    # Each call makes thousands of objects that soon go; to look for circles among them after every
    # few hundred takes a tenth of a run's time.
    gc.set_threshold(50_000, 20, 100)
    # A commit's thread comes back from the disk to a busy processor: it is let in at once.
    sys.setswitchinterval(0.0005)
