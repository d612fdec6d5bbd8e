"""The real client before loopback servers of three shapes: OpenAI's, Anthropic's and Google's."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any

from callsheet import errors
from callsheet.llm.port import Request
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.providers import Key
from tests.support.anthropic_server import AnthropicServer
from tests.support.google_server import GoogleServer
from tests.support.loopback import Fault, Loopback
from tests.support.strict_openai import StrictOpenAI

CANARY = "sk-canary-0123456789abcdef"
SYSTEM = "You write prompts by rules that nobody outside this call should ever read."
USER = "a woman reads by a rain-streaked window at dusk"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ZED": {"type": "string", "minLength": 20, "maxLength": 1500, "format": "tag-list"},
        "SORA": {"type": "string", "not": {"pattern": "blood", "$comment": "must not be gory"}},
    },
    "required": ["ZED", "SORA"],
    "additionalProperties": False,
}
REQUEST = Request(system=SYSTEM, user=USER, schema=SCHEMA)

SHAPES: dict[str, tuple[type[Loopback], str]] = {
    "openai": (StrictOpenAI, "gpt-5.2"),
    "anthropic": (AnthropicServer, "claude-sonnet-4-6"),
    "google": (GoogleServer, "gemini-2.5-flash"),
}


@dataclass
class Clock:
    """Remembers how long it was asked to sleep, and does not."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def client(server: Loopback, provider: str = "openai", **more: Any) -> ProviderLLM:
    more = {"sleep": Clock().sleep, "chance": lambda: 0.5} | more
    key = Key("CALLSHEET_API_KEY", CANARY)
    return ProviderLLM(provider, SHAPES[provider][1], base_url=server.url, key=key, **more)


def serving(provider: str, *faults: Fault) -> Loopback:
    return SHAPES[provider][0](faults=faults)


def assert_nothing_leaks(error: errors.CallsheetError) -> None:
    shown = "".join(traceback.format_exception(error)) + error.hint
    assert error.hint
    for secret in (CANARY, CANARY[-8:], SYSTEM, USER):
        assert secret not in shown
