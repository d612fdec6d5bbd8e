"""Whether a prompt keeps what its idea asks for: facts of the idea, judged without a call."""

from typing import Literal

IdeaCheckMode = Literal["strict", "warn", "off"]
"""`strict`: what is certainly lost is an error; `warn`: a warning; `off`: nothing is checked."""

STRICT: IdeaCheckMode = "strict"
MODES: tuple[IdeaCheckMode, ...] = ("strict", "warn", "off")
