"""Calls a provider through the client library, which only this file and `provider_exceptions` import.

Importing this takes a second or two, and each provider's own part more: so it is imported with
the first request, and of the providers only the one that is asked.
"""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    BinaryContent,
    ModelRequest,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ToolCallPart,
    ToolCallPartDelta,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.tools import ToolDefinition

from callsheet.llm.http import LONGEST_REPLY, closing, http_client
from callsheet.llm.port import Reply, Usage
from callsheet.llm.price_list import UNKNOWN, ListPrice, list_price, served_tier
from callsheet.llm.provider_exceptions import NoEndError, RepeatedError, failure_from
from callsheet.llm.providers import find_provider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from pydantic_ai.messages import ModelResponse, ModelResponseStreamEvent
    from pydantic_ai.models import Model, StreamedResponse
    from pydantic_ai.settings import ModelSettings

    from callsheet.llm.port import Finish, TextListener
    from callsheet.llm.provider_errors import ProviderFailure
    from callsheet.llm.provider_request import Endpoint, ProviderRequest
    from callsheet.llm.providers import Dialect, Provider

Build = Callable[[str, dict[str, Any]], "Model[Any]"]
"""Makes the library's object for an LLM from its name and what connects to its provider."""

LONG_DELTA = 16
"""Characters; a piece of this length that arrives twice in a row was sent twice by mistake."""

_KEY_HEADERS: Mapping[Dialect, str] = {"anthropic": "x-api-key", "google": "x-goog-api-key"}
UNCHANGED = ModelProfile(json_schema_transformer=None)
"""The schema is adapted already; the library would adapt it again, in its own way."""

_OLD_LIMIT: Any = {**UNCHANGED, "openai_chat_supports_max_completion_tokens": False}
"""For servers that copy OpenAI's form: most read the older name of the output limit only."""

_LAST_USAGE_ONLY: Any = {"openai_continuous_usage_stats": True}
"""Uses the last usage received: some servers send it with every piece, and the library adds them."""

_UNCOUNTED = "without_usage"

_LIMIT_NAMES = ("max_completion_tokens", "max_tokens")
"""What the output limit is called by servers that refuse the other name: the older, the newer."""


@dataclass(frozen=True)
class ProviderClient:
    """A provider's LLM, ready to be asked; `rates` says by whose price list a reply is priced.

    `close` closes the connections that are kept open between calls, if any are.
    """

    llm: Model[Any]
    rates: Mapping[str, str] | None
    close: Callable[[], Awaitable[None]]

    async def send(
        self, request: ProviderRequest, on_text: TextListener | None = None
    ) -> Reply | ProviderFailure:
        """Sends one request; returns the reply or the failure, and raises nothing of the library."""
        reader = _StreamReader(on_text, request.text_interval, request.on_begin)
        try:
            async with closing():
                return await self._send(request, reader)
        except Exception as error:
            if reader.failed:
                raise
            return replace(failure_from(error), partial=self._partial(reader))

    async def _send(self, request: ProviderRequest, reader: _StreamReader) -> Reply:
        settings = settings_of(request, self.llm)
        if not math.isinf(request.timeout):
            settings["request_timeout"] = request.timeout
        async with model_request_stream(
            self.llm,
            [message_of(request)],
            model_request_parameters=parameters_of(request),
            model_settings=cast("ModelSettings", settings),
        ) as stream:
            await reader.follow(stream)
            response = stream.get()
        if reader.text() and "finish_reason" not in (response.provider_details or {}):
            raise NoEndError
        return self.read(response)

    def _partial(self, reader: _StreamReader) -> Reply | None:
        """The received part of a broken reply; its cost is unknown."""
        if reader.stream is None or not (text := reader.text()):
            return None
        whole = self.read(reader.stream.get())
        usage = replace(whole.usage, cost_usd=None)
        return replace(whole, text=text, finish="broken", usage=usage, detail="")

    def read(self, response: ModelResponse) -> Reply:
        """The reply in the library's form as ours, with its price."""
        parts = response.parts
        calls = [_arguments_text(part.args) for part in parts if isinstance(part, ToolCallPart)]
        texts = [part.content for part in parts if isinstance(part, TextPart)]
        details = response.provider_details or {}
        return Reply(
            text=calls[0] if calls else "".join(texts),
            finish=_finish(response.finish_reason, details),
            usage=self._usage(response),
            llm=response.model_name or self.llm.model_name,
            tier=served_tier(details),
            detail=str(details.get("refusal") or ""),
            thought=any(isinstance(part, ThinkingPart) and part.content for part in parts),
        )

    def _usage(self, response: ModelResponse) -> Usage:
        counted = response.usage
        cost = self._cost(response) if counted.total_tokens else UNKNOWN
        return Usage(
            input_tokens=counted.input_tokens,
            cached_input_tokens=counted.cache_read_tokens,
            output_tokens=counted.output_tokens,
            cost_usd=cost.usd,
            cache_write_tokens=counted.cache_write_tokens,
            cost_at_most=cost.at_most,
        )

    def _cost(self, response: ModelResponse) -> ListPrice:
        """The price by the published prices of this address and of the tier that served the call."""
        if self.rates is None:
            return UNKNOWN
        tier = served_tier(response.provider_details or {})
        names = (response.model_name, self.llm.model_name)
        found = (list_price(response.usage, name or "", tier, **self.rates) for name in names)
        return next((price for price in found if price.usd is not None), UNKNOWN)


@dataclass
class _StreamReader:
    """Reads a streamed reply, and reports its text so far every `interval` seconds."""

    on_text: TextListener | None
    interval: float
    on_begin: Callable[[], None] | None = None
    stream: StreamedResponse | None = None
    failed: bool = False
    _pieces: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The text received so far."""
        return "".join(self._pieces)

    async def follow(self, stream: StreamedResponse) -> None:
        """Reads to the end; reports the text once more where the reply breaks off."""
        self.stream = stream
        reported = time.monotonic()
        try:
            async for event in stream:
                if self.on_begin:
                    self.on_begin()
                    self.on_begin = None
                self._add(_added_text(event))
                if time.monotonic() >= reported + self.interval:
                    await self._report()
                    reported = time.monotonic()
        except BaseException:
            if not self.failed:
                await self._report()
            raise

    async def _report(self) -> None:
        """Reports the text; `failed` stays set where the listener raised."""
        if self.on_text is None:
            return
        self.failed = True
        await self.on_text(self.text())
        self.failed = False

    def _add(self, piece: str) -> None:
        if len(piece) >= LONG_DELTA and self._pieces and self._pieces[-1] == piece:
            raise RepeatedError
        if piece:
            self._pieces.append(piece)


def _added_text(event: ModelResponseStreamEvent) -> str:
    """The text that an event of a stream adds to the reply."""
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartStartEvent(part=ToolCallPart(args=arguments)):
            return _arguments_text(arguments)
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=arguments)):
            return _arguments_text(arguments)
        case _:
            return ""


def connect(
    endpoint: Endpoint, *, build: Build | None = None, longest: int = LONGEST_REPLY
) -> ProviderClient:
    """A client for an LLM, over callsheet's own HTTP client and with schemas left as they are.

    `build` makes the library's object where the usual one does not do, `longest` is for a reply in bytes.
    """
    known, key = find_provider(endpoint.provider), endpoint.key
    own = known.base_url_dialect if endpoint.base_url else None
    dialect = own or known.dialect
    header = _KEY_HEADERS.get(dialect, "authorization")
    value = f"Bearer {key}" if key and header == "authorization" else key
    idle = endpoint.idle_connections
    http = http_client(header, value, endpoint.idle_timeout, idle, endpoint.proxy, longest=longest)
    given = {
        # The library requires a key; the HTTP client removes this one again.
        "api_key": key or "none",
        "base_url": endpoint.base_url or known.url,
        "http_client": http,
    }
    llm = (build or _CLIENTS[dialect])(endpoint.name, given)
    return ProviderClient(llm, _rates(known, endpoint.base_url), http.aclose)


def _rates(provider: Provider, base_url: str | None) -> Mapping[str, str] | None:
    """How the price list finds the prices of this address; None where it does not have them."""
    if base_url:
        return {"provider_api_url": base_url}
    return {"provider_id": provider.priced_as} if provider.priced_as else None


def _openai(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.providers.openai import OpenAIProvider

    return _chat_completions(name, OpenAIProvider(**given), UNCHANGED)


def _openai_compatible(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    return _chat_completions(name, OpenAICompatibleProvider("own", **given), _OLD_LIMIT)


def _ollama(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    return _chat_completions(name, OllamaProvider(**given), _OLD_LIMIT, OllamaModel)


def _without_retries(llm: Any) -> Any:
    """Leaves retries to the policy; set per request, this would create a client for each."""
    llm.client.max_retries = 0
    return llm


def _chat_completions(name: str, provider: Any, profile: Any, kind: Any = None) -> Model[Any]:
    """An LLM whose requests ask for usage as OpenAI does, and whose bodies are sent as they are.

    The library would ask for usage in another form, and search every part of a schema for dates.
    """
    from openai import AsyncStream, Omit, omit
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from pydantic_ai.models.openai import OpenAIChatModel

    made: Any = kind or OpenAIChatModel
    llm = made(name, provider=provider, profile=profile, settings=_LAST_USAGE_ONLY)

    def options(settings: dict[str, Any]) -> Any:
        return omit if settings.get(_UNCOUNTED) else {"include_usage": True}

    def send(*, timeout: Any, extra_headers: Any, extra_body: Any, **body: Any) -> Any:
        given = {name: value for name, value in body.items() if not isinstance(value, Omit)}
        sent = {"headers": extra_headers, "timeout": timeout, "security": {"bearer_auth": True}}
        return llm.client.post(
            "/chat/completions",
            body=given | (extra_body or {}),
            options=sent,
            cast_to=ChatCompletion,
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )

    llm._get_stream_options = options  # noqa: SLF001  # there is no public option
    llm.client.chat.completions.create = send
    return _without_retries(llm)  # type: ignore[no-any-return]


def settings_of(request: ProviderRequest, llm: Model[Any]) -> dict[str, Any]:
    """The output limit under the name that the server takes, and whether usage is requested."""
    limit: dict[str, Any] = {"max_tokens": request.max_tokens}
    if "token_limit" in request.without:
        is_new = bool(llm.profile.get("openai_chat_supports_max_completion_tokens", True))
        limit = {"extra_body": {_LIMIT_NAMES[is_new]: request.max_tokens}}
    return limit | {
        "framing_announcement": "never",
        _UNCOUNTED: "stream_options" in request.without,
        **request.settings,
    }


def _anthropic(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    llm = AnthropicModel(name, provider=AnthropicProvider(**given), profile=UNCHANGED)
    return _without_retries(llm)  # type: ignore[no-any-return]


def _google(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(**given)
    return GoogleModel(name, provider=provider, profile=UNCHANGED, settings={"max_retries": 0})


_CLIENTS: Mapping[Dialect, Build] = {
    "openai": _openai,
    "openai_compatible": _openai_compatible,
    "anthropic": _anthropic,
    "google": _google,
    "ollama": _ollama,
}


def message_of(request: ProviderRequest) -> ModelRequest:
    """The messages, an image before the text: constant parts first, so that they can be cached."""
    picture = request.picture
    if picture is None:
        return ModelRequest.user_text_prompt(request.user, instructions=request.system or None)
    image = BinaryContent(base64.b64decode(picture.base64), media_type=picture.media_type)
    parts = [UserPromptPart([image, request.user])]
    return ModelRequest(parts, instructions=request.system or None)


def parameters_of(request: ProviderRequest) -> ModelRequestParameters:
    """The library's parameters for structured output in each mode."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", request.name)[:64] or "prompts"
    match request.mode:
        case "native":
            form = OutputObjectDefinition(json_schema=request.schema, name=name, strict=True)
            return ModelRequestParameters(output_mode="native", output_object=form)
        case "tool":
            tool = ToolDefinition(
                name=name,
                parameters_json_schema=request.schema,
                description="Takes what was asked for.",
                kind="output",
                strict=True,
            )
            return ModelRequestParameters(
                output_mode="tool", output_tools=[tool], allow_text_output=False
            )
        case "prompted":
            # The library's own prompted mode would still request JSON in a way a server may refuse.
            return ModelRequestParameters(output_mode="text")


def _arguments_text(arguments: object) -> str:
    """A tool's arguments as the LLM wrote them; the library would wrap text that is not JSON."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _finish(reason: str | None, details: dict[str, Any]) -> Finish:
    match reason:
        case "length":
            return "length"
        case "content_filter" if "refusal" in (*details, details.get("finish_reason")):
            return "refusal"
        case "content_filter":
            return "filter"
        case _:
            return "stop"
