"""What a server tells about itself and its LLMs: asked by GET, which costs nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from callsheet.llm.provider_capabilities import Form
    from callsheet.llm.providers import Dialect

Engine = Literal["llama.cpp", "ollama", "vllm", "lmstudio", ""]

SECONDS = 3.0
"""A server that takes longer for a list of names is not asked further."""

DENSE, SPARSE = 4.0, 6.5
"""Characters in a token of instructions: as is usual, and more than any tokenizer has."""

_OWNERS: Mapping[str, Engine] = {
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "vllm": "vllm",
    "organization_owner": "lmstudio",
    "organization-owner": "lmstudio",
}
"""Who owns an LLM, according to the list of LLMs that each engine sends."""

_FORMS: Mapping[Engine, Form] = {"llama.cpp": "llama.cpp", "ollama": "ollama", "vllm": "vllm"}

TITLES: Mapping[Engine, str] = {
    "llama.cpp": "llama.cpp",
    "ollama": "Ollama",
    "vllm": "vLLM",
    "lmstudio": "LM Studio",
    "": "an OpenAI-compatible server",
}

_CONTEXT_HINTS: Mapping[Engine, str] = {
    "llama.cpp": "start it with `-c {tokens}`",
    "ollama": "start it with `OLLAMA_CONTEXT_LENGTH={tokens} ollama serve`, or set `num_ctx {tokens}`"
    " in a Modelfile",
    "vllm": "start it with `--max-model-len {tokens}`",
    "lmstudio": "load the LLM with a context length of {tokens}",
    "": "set a context of {tokens} (Ollama: `OLLAMA_CONTEXT_LENGTH`, llama.cpp: `-c`,"
    " vLLM: `--max-model-len`)",
}


@dataclass(frozen=True)
class _ModelList:
    """Where a dialect lists its LLMs, and in which fields."""

    path: str = "/models"
    key_header: str = "authorization"
    field: str = "data"
    name: str = "id"
    context: str = "max_model_len"


_LISTS: Mapping[Dialect, _ModelList] = {
    "anthropic": _ModelList("/v1/models?limit=1000", "x-api-key", context="max_input_tokens"),
    "google": _ModelList(
        "/v1beta/models?pageSize=1000", "x-goog-api-key", "models", "name", "inputTokenLimit"
    ),
}

_CONTEXTS: Mapping[Engine, _ModelList] = {
    "llama.cpp": _ModelList("/props", "", "default_generation_settings", "", "n_ctx"),
    "ollama": _ModelList("/api/ps", "", "models", "name", "context_length"),
    "lmstudio": _ModelList("/api/v0/models", "", "data", "id", "loaded_context_length"),
}
"""Where each engine tells the context of the LLMs that are loaded; llama.cpp has only one."""


@dataclass(frozen=True)
class OwnServer:
    """An engine, the LLMs it offers, and the tokens of its context; None where it does not say.

    `status` is that of the list of LLMs, None where nothing answers.
    """

    engine: Engine = ""
    llms: tuple[str, ...] = ()
    context: int | None = None
    status: int | None = None

    @property
    def form(self) -> Form | None:
        """How schemas are adapted to an engine that enforces the length of texts; None for others."""
        return _FORMS.get(self.engine)


async def ask_server(
    url: str, name: str, *, key: str = "", proxy: str | None = None, dialect: Dialect = "openai"
) -> OwnServer:
    """Asks the server at this base URL about itself and the LLM of this name; raises nothing."""
    # The HTTP library takes a tenth of a second to import, which no other run should take.
    from callsheet.llm.http import http_client

    form = _LISTS.get(dialect, _ModelList())
    value = f"Bearer {key}" if key and form.key_header == "authorization" else key
    async with http_client(form.key_header, value, SECONDS, 0, proxy) as client:
        status, listed = await _get_json(client, url + form.path)
        if status != HTTPStatus.OK:
            return OwnServer(status=status)
        found = {
            str(each.get(form.name)).removeprefix("models/"): each
            for each in _list(listed, form.field)
            if isinstance(each, dict)
        }
        own = found.get(name) or found.get(f"{name}:latest") or next(iter(found.values()), {})
        engine = _OWNERS.get(str(own.get("owned_by")), "")
        context = _whole(own.get(form.context)) or await _context(client, url, name, engine)
        return OwnServer(engine, tuple(found), context, status)


async def _get_json(client: httpx2.AsyncClient, url: str) -> tuple[int | None, Any]:
    """The status and the JSON at an address: no status where nothing answers, None for no JSON."""
    import httpx2

    try:
        response = await client.get(url, headers={"anthropic-version": "2023-06-01"})
    except (httpx2.HTTPError, OSError, RuntimeError):
        return None, None
    try:
        return response.status_code, response.json()
    except ValueError:
        return response.status_code, None


async def _context(client: httpx2.AsyncClient, url: str, name: str, engine: Engine) -> int | None:
    """The tokens of the context of a loaded LLM, where the engine tells them."""
    if engine not in _CONTEXTS:
        return None
    place = _CONTEXTS[engine]
    _, told = await _get_json(client, url.removesuffix("/v1") + place.path)
    names = (name, f"{name}:latest")
    loaded = [told.get(place.field)] if isinstance(told, dict) and not place.name else []
    loaded += [each for each in _list(told, place.field) if _field(each, place.name) in names]
    return next((_whole(_field(each, place.context)) for each in loaded), None)


def _field(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _list(body: Any, name: str) -> list[Any]:
    value = _field(body, name)
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def context_hint(engine: Engine, tokens: int) -> str:
    """How an engine is given a context for so many tokens: the next power of two."""
    return _CONTEXT_HINTS[engine].format(tokens=2 ** math.ceil(math.log2(max(tokens, 2))))


def truncation_note(server: OwnServer, sent: str, reported: int, most_output: int) -> str | None:
    """What to do where a server has read clearly less than it was sent; None where it has not."""
    if not 0 < reported < len(sent) / SPARSE:
        return None
    tokens = estimated_tokens(sent)
    return (
        f"the server read {reported:,} of about {tokens:,} input tokens and dropped the rest, so"
        f" prompts may miss their rules; {context_hint(server.engine, tokens + most_output)}"
    )


def estimated_tokens(text: str) -> int:
    """About how many tokens a text of instructions has."""
    return round(len(text) / DENSE)
