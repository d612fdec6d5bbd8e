"""Whether a prompt keeps what its idea asks for: facts of the idea, judged without a call."""

from typing import Literal

from callsheet.errors import InputError

IdeaCheckMode = Literal["strict", "warn", "off"]
"""`strict`: what is certainly lost is an error; `warn`: a warning; `off`: nothing is checked."""

STRICT: IdeaCheckMode = "strict"
MODES: tuple[IdeaCheckMode, ...] = ("strict", "warn", "off")


def checked_mode(chosen: IdeaCheckMode | None) -> IdeaCheckMode | None:
    """The mode that a program gives; raises InputError for one that does not exist."""
    if chosen is not None and chosen not in MODES:
        hint = f"use {', '.join(MODES)}, or None"
        raise InputError(f"idea_check cannot be {chosen!r:.40}", hint=hint)
    return chosen
