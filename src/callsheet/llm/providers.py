"""How a person names an LLM (`openai:gpt-5.2`), which providers are known, and whose key may go where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from callsheet.errors import InputError, KeyMissingError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

Dialect = Literal["openai", "anthropic", "google", "ollama"]

OWN_SERVER_KEY = "CALLSHEET_API_KEY"
"""The only key that is ever sent to a server of the person's own."""


@dataclass(frozen=True)
class Provider:
    """Who runs an LLM: the address, the variables that may hold its key, and an example to show."""

    title: str
    dialect: Dialect
    url: str
    key_names: tuple[str, ...]
    example: str


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        "OpenAI", "openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",), "openai:gpt-5.2"
    ),
    "anthropic": Provider(
        "Anthropic",
        "anthropic",
        "https://api.anthropic.com",
        ("ANTHROPIC_API_KEY",),
        "anthropic:claude-sonnet-4-6",
    ),
    "google": Provider(
        "Google",
        "google",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "google:gemini-3-flash",
    ),
    "ollama": Provider("Ollama", "ollama", "http://localhost:11434/v1", (), "ollama:qwen3"),
}

UNNAMED = ("offline", "paste")
"""LLMs that need no name after them: drafts without a network, and a chat of the person's own."""


BLIND = re.compile(
    r"offline"
    r"|openai:(gpt-3|gpt-4$|gpt-4-\d|o1-mini|o1-preview|o3-mini|gpt-oss|davinci|babbage)"
    r"|anthropic:(claude-2|claude-instant)"
    r"|ollama:(llama2|llama3(\.1|\.3)?(:|$)|llama3\.2:[13]b|mistral(:|$)|mixtral|qwen2?(\.5)?(:|$)|qwen3(:|$)"
    r"|gemma2?(:|$)|gemma3:(270m|1b)|phi[34]?(-mini)?(:|$)|deepseek-|gpt-oss|codellama|tinyllama)"
)
"""LLMs that take text only, by their makers' own lists (read in November 2026); others may see."""


@dataclass(frozen=True)
class LLMSpec:
    """An LLM as a person names it; `name` is empty where the provider alone says it."""

    provider: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}" if self.name else self.provider


@dataclass(frozen=True)
class Key:
    """A provider's key and the variable that held it; the value never shows."""

    variable: str
    value: str = field(repr=False)


def parse_spec(text: str) -> LLMSpec:
    """The LLM that `text` names; raises InputError saying what would be understood."""
    provider, colon, name = (part.strip() for part in text.strip().partition(":"))
    provider = provider.lower()
    if provider in UNNAMED:
        if colon:
            raise InputError(
                f"`{provider}` takes no name after it", hint=f"write `--llm {provider}`"
            )
        return LLMSpec(provider)
    if provider not in PROVIDERS:
        raise UnknownNameError(
            "LLM", provider, [*UNNAMED, *(f"{known}:NAME" for known in PROVIDERS)]
        )
    if not name:
        raise InputError(
            f"`{provider}` needs the name of one of its LLMs",
            hint=f"for example `--llm {PROVIDERS[provider].example}`",
        )
    return LLMSpec(provider, name)


def sees(spec: str) -> bool:
    """Whether an LLM may be shown a picture; False where it is known to take text only."""
    return BLIND.match(spec.strip().lower()) is None


def parse_base_url(text: str) -> str:
    """The address of a person's own server; raises InputError for what is no address."""
    url = text.strip().rstrip("/").removesuffix("/chat/completions")
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise InputError(
            "the base URL is no address of a server",
            hint="it begins with http:// or https:// and usually ends in /v1",
        )
    return url


def choose_key(
    spec: LLMSpec, keys: Mapping[str, str], *, base_url: str | None = None
) -> Key | None:
    """The one key that may be sent, out of `keys` by variable; None where none is needed.

    A provider's key goes to that provider only, so a server of the person's own gets none but
    CALLSHEET_API_KEY. Raises KeyMissingError naming the variable to set.
    """
    names = (OWN_SERVER_KEY,) if base_url else PROVIDERS[spec.provider].key_names
    for name in names:
        if value := keys.get(name, "").strip():
            return Key(name, value)
    if base_url or not names:
        return None
    raise KeyMissingError(
        f"no key for {PROVIDERS[spec.provider].title} is set",
        hint=f"set {' or '.join(names)}, or choose another LLM with --llm (`offline` needs no key)",
    )
