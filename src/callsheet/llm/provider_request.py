"""One request as it goes over the line: the form of the reply lowered, the mode and limits chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.images import Image
    from callsheet.llm.retry_policy import Mode


@dataclass(frozen=True)
class ProviderRequest:
    """What is sent once, how long its answer may take, and how often what is written is told."""

    system: str
    user: str
    picture: Image | None
    schema: dict[str, Any]
    name: str
    mode: Mode
    max_tokens: int
    seconds: float
    tick: float


@dataclass(frozen=True)
class Endpoint:
    """Where an LLM is: its provider or a server of one's own, and with which key it is asked.

    `seconds` is the longest that a call takes, `kept` how many idle connections stay open.
    """

    provider: str
    name: str
    base_url: str | None
    key: str = field(repr=False)
    seconds: float
    kept: int = 0
