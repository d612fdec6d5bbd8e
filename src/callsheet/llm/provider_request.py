"""One request to a provider: with the schema adapted to it, and mode and limits chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.images import Image
    from callsheet.llm.retry_policy import Mode


@dataclass(frozen=True)
class ProviderRequest:
    """What is sent in one try.

    `timeout` is in seconds; partial text is reported every `text_interval` seconds.
    """

    system: str
    user: str
    picture: Image | None
    schema: dict[str, Any]
    name: str
    mode: Mode
    max_tokens: int
    timeout: float
    text_interval: float


@dataclass(frozen=True)
class Endpoint:
    """Where an LLM is reached, and with which key.

    `idle_timeout` is how many seconds may pass without a byte, `idle_connections` how many stay open.
    """

    provider: str
    name: str
    base_url: str | None
    key: str = field(repr=False)
    idle_timeout: float
    idle_connections: int = 0
    proxy: str | None = field(default=None, repr=False)
