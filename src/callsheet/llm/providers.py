"""The table of LLM providers: everything that differs between them is a field of one entry.

No other file compares a provider's name. A package adds a provider with an entry point of the group
`callsheet.providers` (see `callsheet.plugins`); most need only a URL and the name of a key variable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError, InputError, KeyMissingError, UnknownNameError
from callsheet.llm.cache_terms import ANTHROPIC_CACHE, GOOGLE_CACHE, OPENAI_CACHE
from callsheet.llm.image_token_rules import (
    anthropic_image_tokens,
    google_image_tokens,
    no_image_tokens,
    openai_image_tokens,
)
from callsheet.llm.provider import OWN_IDLE_TIMEOUT, OWN_TIMEOUT, JobTerms
from callsheet.llm.provider import Dialect as Dialect  # noqa: PLC0414
from callsheet.llm.provider import Provider as Provider  # noqa: PLC0414
from callsheet.plugins import PROVIDERS as POINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.call_options import Effort
    from callsheet.fidelity import IdeaCheckMode

DEFAULT_LLM = "offline"

OWN_SERVER_KEY = "CALLSHEET_API_KEY"
"""The only key that is ever sent to a server given by base URL."""

MOST_JOB_ROWS = 5_000
"""The providers take 50,000 and more; of a smaller job, less is lost when it expires or is refused."""

_CLAUDE_5 = tuple(f"claude-{each}-5" for each in ("fable", "mythos", "opus", "sonnet", "haiku"))

_LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")

# Which LLMs take which efforts, and a temperature: by the profiles of pydantic-ai 2.68, whose makers
# try them against the providers' APIs; read on 28 November 2026.
_OPENAI_EFFORTS: tuple[tuple[str, tuple[Effort, ...]], ...] = (
    (r"o\d", _LOW_TO_HIGH),
    (r"gpt-5-chat", ()),
    (r"gpt-5\.\d-chat", ("medium",)),
    (r"gpt-5-pro", ("high",)),
    (r"gpt-5\.\d-pro", ("medium", "high", "xhigh")),
    (r"gpt-5\.1-codex", (*_LOW_TO_HIGH, "xhigh")),
    (r"gpt-5(-|$)", ("minimal", *_LOW_TO_HIGH)),
    (r"gpt-6-astra|gpt-6\.1-sol", (*_LOW_TO_HIGH, "xhigh", "max")),
)
_ANTHROPIC_EFFORTS: tuple[tuple[str, tuple[Effort, ...]], ...] = (
    (r"claude-opus-4-5", _LOW_TO_HIGH),
    (r"claude-(opus|sonnet)-4-6", (*_LOW_TO_HIGH, "max")),
    (r"", (*_LOW_TO_HIGH, "xhigh", "max")),
)
_MISTRAL_EFFORTS: tuple[tuple[str, tuple[Effort, ...]], ...] = (
    # Older ones never think, or always.
    (r"mistral-small-(2[45]|3)|mistral-medium-(2[35]|3[.-]1)|magistral-(?!.*latest)", ()),
    (r"", ("none", "high")),
)
_XAI_EFFORTS: tuple[tuple[str, tuple[Effort, ...]], ...] = (
    (r"grok-3-mini", ("none", "low", "high")),
    (r"grok-4\.[56]|grok-build-latest", _LOW_TO_HIGH),
    (r"grok-4\.7", (*_LOW_TO_HIGH, "xhigh")),
    (r"", ("none", *_LOW_TO_HIGH)),
)

_TABLE = (
    Provider(
        name="offline",
        title="Offline drafts",
        example="offline",
        dialect="openai",
        exact_tokens=True,
        sees_images=False,
        image_tokens=no_image_tokens,
        factory="callsheet.llm.offline:open_offline",
        takes_name=False,
        drafts_only=True,
    ),
    Provider(
        name="paste",
        title="Paste from a chat",
        example="paste",
        dialect="openai",
        exact_tokens=True,
        image_tokens=no_image_tokens,
        factory="callsheet.llm.paste:open_paste",
        takes_name=False,
        needs_person=True,
    ),
    Provider(
        name="openai",
        title="OpenAI",
        example="openai:gpt-5.2",
        dialect="openai",
        url="https://api.openai.com/v1",
        key_names=("OPENAI_API_KEY",),
        base_url_dialect="openai_compatible",
        reads_base_url_setting=True,
        exact_tokens=True,
        priced_as="openai",
        prices_url="https://openai.com/api/pricing",
        text_only=r"gpt-3|gpt-4$|gpt-4-\d|o1-mini|o1-preview|o3-mini|gpt-oss|davinci|babbage",
        image_tokens=openai_image_tokens,
        never_thinks=r"gpt-3|gpt-4|chatgpt-4|davinci|babbage",
        has_flex=True,
        effort=("o1", "o3", "o4", "gpt-5", "gpt-6"),
        efforts=_OPENAI_EFFORTS,
        no_temperature=("o1", "o3", "o4", "gpt-5", "gpt-6"),
        caches=OPENAI_CACHE,
        jobs=JobTerms(MOST_JOB_ROWS, 200_000_000),
    ),
    Provider(
        name="anthropic",
        title="Anthropic",
        example="anthropic:claude-sonnet-4-6",
        dialect="anthropic",
        url="https://api.anthropic.com",
        key_names=("ANTHROPIC_API_KEY",),
        priced_as="anthropic",
        prices_url="https://claude.com/pricing",
        text_only=r"claude-2|claude-instant",
        image_tokens=anthropic_image_tokens,
        never_thinks=r"claude-(2|instant|3-(haiku|sonnet|opus|5))",
        effort=(*_CLAUDE_5, *(f"claude-opus-4-{n}" for n in "5678"), "claude-sonnet-4-6"),
        efforts=_ANTHROPIC_EFFORTS,
        no_temperature=(*_CLAUDE_5, "claude-opus-4-7", "claude-opus-4-8"),
        caches=ANTHROPIC_CACHE,
        jobs=JobTerms(MOST_JOB_ROWS, 250_000_000),
    ),
    Provider(
        name="google",
        title="Google",
        example="google:gemini-3.8-flash",
        dialect="google",
        url="https://generativelanguage.googleapis.com",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        priced_as="google",
        prices_url="https://ai.google.dev/gemini-api/docs/pricing",
        image_tokens=google_image_tokens,
        never_thinks=r"gemini-(1|2\.0)|gemma",
        has_flex=True,
        effort=("gemini-2.5", "gemini-3", "gemini-4"),
        caches=GOOGLE_CACHE,
        jobs=JobTerms(MOST_JOB_ROWS, 2_000_000_000),
    ),
    Provider(
        name="ollama",
        title="Ollama",
        example="ollama:qwen3",
        dialect="ollama",
        url="http://localhost:11434/v1",
        base_url_dialect="ollama",
        text_only=r"llama2|llama3(\.1|\.3)?(:|$)|llama3\.2:[13]b|mistral(:|$)|mixtral"
        r"|qwen2?(\.5)?(:|$)|qwen3(:|$)|gemma2?(:|$)|gemma3:(270m|1b)|phi[34]?(-mini)?(:|$)"
        r"|deepseek-|gpt-oss|codellama|tinyllama",
        own=True,
        host_variable="OLLAMA_HOST",
        missing_llm_hint="`ollama pull {name}` fetches it, `ollama list` shows what is there",
        unreachable_hint="start it with `ollama serve`",
        timeout=OWN_TIMEOUT,
        idle_timeout=OWN_IDLE_TIMEOUT,
    ),
    Provider(
        name="openrouter",
        title="OpenRouter",
        example="openrouter:anthropic/claude-sonnet-4.6",
        url="https://openrouter.ai/api/v1",
        key_names=("OPENROUTER_API_KEY",),
        priced_as="openrouter",
        prices_url="https://openrouter.ai/models",
    ),
    Provider(
        name="mistral",
        title="Mistral",
        example="mistral:mistral-large-latest",
        url="https://api.mistral.ai/v1",
        key_names=("MISTRAL_API_KEY",),
        priced_as="mistral",
        prices_url="https://mistral.ai/pricing",
        text_only=r"codestral|devstral|open-mistral|open-mixtral|mistral-tiny",
        effort=("mistral-large-4", "mistral-small", "mistral-medium", "magistral"),
        efforts=_MISTRAL_EFFORTS,
    ),
    Provider(
        name="groq",
        title="Groq",
        example="groq:openai/gpt-oss-120b",
        url="https://api.groq.com/openai/v1",
        key_names=("GROQ_API_KEY",),
        priced_as="groq",
        prices_url="https://groq.com/pricing",
        text_only=r"(?!meta-llama/llama-4|qwen/qwen3\.)",
        effort=("openai/gpt-oss", "qwen/qwen3"),
        efforts=((r"qwen", ("none",)), (r"", _LOW_TO_HIGH)),
    ),
    Provider(
        name="deepseek",
        title="DeepSeek",
        example="deepseek:deepseek-v4-pro",
        url="https://api.deepseek.com/v1",
        key_names=("DEEPSEEK_API_KEY",),
        priced_as="deepseek",
        prices_url="https://api-docs.deepseek.com/quick_start/pricing",
        sees_images=False,
        effort=("deepseek-v4", "deepseek-flash"),
    ),
    Provider(
        name="xai",
        title="xAI",
        example="xai:grok-4.6",
        url="https://api.x.ai/v1",
        key_names=("XAI_API_KEY",),
        priced_as="x-ai",
        prices_url="https://docs.x.ai/docs/models",
        text_only=r"grok-3",
        effort=(
            "grok-3-mini",
            "grok-4-0709",
            "grok-4-1-fast",
            "grok-4-fast",
            "grok-4.3",
            "grok-4.5",
            "grok-4.6",
            "grok-4.7",
            "grok-build-latest",
            "grok-latest",
        ),
        efforts=_XAI_EFFORTS,
    ),
)
"""The makers' own lists of text-only LLMs were read in November 2026; any other may see images."""

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in _TABLE}
"""The built-in providers by name."""


@dataclass(frozen=True)
class LLMSpec:
    """An LLM as a person names it; `name` is empty where the provider alone is the spec."""

    provider: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}" if self.name else self.provider


@dataclass(frozen=True)
class Key:
    """A provider's key and the variable that held it; the value is never shown."""

    variable: str
    value: str = field(repr=False)


def find_provider(name: str) -> Provider:
    """The provider of this name, built in or installed; raises UnknownNameError."""
    if name in PROVIDERS:
        return PROVIDERS[name]
    entries = POINT.entries()
    if name not in entries:
        known = [provider.usage for provider in PROVIDERS.values()]
        raise UnknownNameError("LLM", name, [*known, *(f"{each}:NAME" for each in entries)])
    return POINT.load(entries[name], Provider)


def all_providers() -> list[Provider]:
    """The built-in providers, then the installed ones that can be loaded."""
    installed = []
    for name in POINT.entries():
        try:
            installed.append(find_provider(name))
        except CallsheetError:
            continue  # `callsheet doctor` lists it with the reason
    return list(dict.fromkeys([*PROVIDERS.values(), *installed]))


def provider_of(spec: str) -> Provider | None:
    """The provider of a spec; None for an LLM that a program brought itself."""
    try:
        return find_provider(spec.strip().partition(":")[0].strip().lower())
    except CallsheetError:
        return None


def schema_dialect(spec: str) -> Dialect:
    """The dialect that schemas are adapted to; OpenAI's for an LLM that a program brought itself."""
    provider = provider_of(spec)
    return provider.dialect if provider else "openai"


def parse_spec(text: str) -> LLMSpec:
    """The LLM that `text` names; raises InputError saying what would be understood."""
    name, colon, llm = (part.strip() for part in text.strip().partition(":"))
    provider = find_provider(name.lower())
    if not provider.takes_name:
        if colon:
            raise InputError(
                f"`{provider.name}` takes no name after it", hint=f"write `--llm {provider.name}`"
            )
        return LLMSpec(provider.name)
    if not llm:
        raise InputError(
            f"`{provider.name}` needs the name of one of its LLMs",
            hint=f"for example `--llm {provider.example}`",
        )
    return LLMSpec(provider.name, llm)


def writes_drafts(spec: str) -> bool:
    """Whether nothing is asked of an LLM: the workflow's drafts are filled, at no cost."""
    provider = provider_of(spec)
    return provider is not None and provider.drafts_only


def idea_check_of(spec: str, chosen: IdeaCheckMode) -> IdeaCheckMode:
    """How prompts of this LLM are judged by the idea: a draft cannot be repaired, so it is warned of."""
    return "warn" if chosen == "strict" and writes_drafts(spec) else chosen


def sees(spec: str) -> bool:
    """Whether an LLM may be sent an image; False where it is known to take text only."""
    provider = provider_of(spec)
    if provider is None:
        return True
    name = spec.strip().lower().partition(":")[2].strip()
    return provider.sees_images and not (
        provider.text_only and re.match(provider.text_only, name) is not None
    )


def is_own_server(spec: str, base_url: str | None) -> bool:
    """Whether an LLM runs on a server of the person's own, which may carry out one call at a time."""
    provider = provider_of(spec)
    return base_url is not None or (provider is not None and provider.own)


def parse_base_url(text: str) -> str:
    """The address of a person's own server; raises InputError for what is no address."""
    url = text.strip().rstrip("/").removesuffix("/chat/completions")
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise InputError(
            "the base URL is no address of a server",
            hint="it begins with http:// or https:// and usually ends in /v1",
        )
    return url


def parse_host(variable: str, text: str) -> str:
    """The base URL that a variable such as OLLAMA_HOST names, in each form that Ollama reads.

    Raises InputError for what is no host.
    """
    scheme, separator, rest = text.strip(" \t\r\n\"'").rpartition("://")
    place, _, path = rest.partition("/")
    found = re.fullmatch(r"(\[[^\]\s]+\]|[^:\s]*)(?::(\d{1,5}))?|([0-9a-fA-F:.]+)", place)
    if found is None or (separator and scheme not in ("http", "https")):
        raise InputError(
            f"{variable} is not the address of a server",
            hint="use HOST, HOST:PORT or http://HOST:PORT",
        )
    host = found[1] or (f"[{found[3]}]" if found[3] else "")
    port = found[2] or {"http": "80", "https": "443"}.get(scheme, "11434")
    # A server listens at these; to be called, it needs an address.
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
    return f"{scheme or 'http'}://{host}:{port}/{path.strip('/')}".rstrip("/") + "/v1"


def key_variables() -> list[str]:
    """The variables that may hold a key of any provider, built in or installed."""
    names = (name for provider in all_providers() for name in provider.key_names)
    return list(dict.fromkeys(names))


def choose_key(
    spec: LLMSpec, environment: Mapping[str, str], *, base_url: str | None = None
) -> Key | None:
    """The one key that may be sent, out of the variables that are set; None where none is needed.

    A provider's key goes to that provider only, so a server given by base URL gets none but
    CALLSHEET_API_KEY. Raises KeyMissingError naming the variable to set.
    """
    provider = find_provider(spec.provider)
    names = (OWN_SERVER_KEY,) if base_url else provider.key_names
    for name in names:
        if value := environment.get(name, "").strip():
            return Key(name, value)
    if base_url or not names:
        return None
    raise KeyMissingError(
        f"no key for {provider.title} is set",
        hint=f"set {' or '.join(names)}, or choose another LLM with --llm (`offline` needs no key)",
    )
