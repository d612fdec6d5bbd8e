"""One request to a provider: with the schema adapted to it, and mode and limits chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.images import Image

Mode = Literal["native", "tool", "prompted"]
"""How structured output is requested."""

Refusable = Literal[
    "stream_options", "token_limit", "system_role", "picture", "service_tier", "prompt_cache"
]
"""A part of a request that some servers refuse by name: each can be left out or put in another form."""


@dataclass(frozen=True)
class ProviderRequest:
    """What is sent in one try.

    `timeout` is in seconds; partial text is reported every `text_interval` seconds. `without` are the
    parts that the server refused, `settings` those of the library for tier, effort, temperature and
    cache. `on_begin` is called when the reply begins.
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
    without: frozenset[Refusable] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    on_begin: Callable[[], None] | None = field(default=None, compare=False)


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
