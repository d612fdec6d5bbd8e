"""One call to a provider through the client library: the only door to it.

Importing this takes a second or two, and each provider's own part more: so it is imported with
the first request, and of the providers only the one that is asked.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx2
from genai_prices import calc_price
from pydantic_ai import exceptions as foreign
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    BinaryContent,
    ModelRequest,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.tools import ToolDefinition

from callsheet.llm.http import OversizeReplyError, closing, http_client
from callsheet.llm.port import Reply, Usage
from callsheet.llm.provider_errors import ProviderFailure, kind_of, message_in
from callsheet.llm.providers import find_provider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from pydantic_ai.messages import ModelResponse, ModelResponseStreamEvent
    from pydantic_ai.models import Model, StreamedResponse
    from pydantic_ai.settings import ModelSettings

    from callsheet.llm.port import Finish, TextListener
    from callsheet.llm.provider_errors import FailureKind
    from callsheet.llm.provider_request import Endpoint, ProviderRequest
    from callsheet.llm.providers import Dialect, Provider

LONG_DELTA = 16
"""Characters; a piece so long that comes twice running was sent twice, not written twice."""

_KEY_HEADERS: Mapping[Dialect, str] = {"anthropic": "x-api-key", "google": "x-goog-api-key"}
_UNCHANGED = ModelProfile(json_schema_transformer=None)
"""Our schema is lowered already; the library would lower it again, its own way."""


@dataclass(frozen=True)
class ProviderClient:
    """A provider's LLM, ready to be asked; `rates` says by whose price list a reply is priced.

    `close` closes the connections that are kept open between calls, if any are.
    """

    llm: Model[Any]
    rates: Mapping[str, str] | None
    close: Callable[[], Awaitable[None]]

    async def ask(
        self, asking: ProviderRequest, on_text: TextListener | None = None
    ) -> Reply | ProviderFailure:
        """One request: what came back, or what went wrong, and never an exception of the library."""
        ear = _StreamReader(on_text, asking.tick)
        try:
            async with closing():
                return await self._ask(asking, ear)
        except Exception as error:
            if ear.failed:
                raise
            return replace(_fault(error), half=self._half(ear))

    async def _ask(self, asking: ProviderRequest, ear: _StreamReader) -> Reply:
        settings: ModelSettings = {
            "max_tokens": asking.max_tokens,
            "request_timeout": asking.seconds,
            "framing_announcement": "never",
        }
        async with model_request_stream(
            self.llm,
            [_message(asking)],
            model_request_parameters=_parameters(asking),
            model_settings=settings,
        ) as stream:
            await ear.follow(stream)
            response = stream.get()
        if ear.text() and "finish_reason" not in (response.provider_details or {}):
            raise _NoEndError
        return self._reply(response)

    def _half(self, ear: _StreamReader) -> Reply | None:
        """What was written of a reply that broke off; what it cost nobody has told."""
        if ear.stream is None or not (text := ear.text()):
            return None
        whole = self._reply(ear.stream.get())
        usage = replace(whole.usage, cost_usd=None)
        return replace(whole, text=text, finish="broken", usage=usage, detail="")

    def _reply(self, response: ModelResponse) -> Reply:
        parts = response.parts
        calls = [_written(part.args) for part in parts if isinstance(part, ToolCallPart)]
        texts = [part.content for part in parts if isinstance(part, TextPart)]
        details = response.provider_details or {}
        return Reply(
            text=calls[0] if calls else "".join(texts),
            finish=_finish(response.finish_reason, details),
            usage=self._usage(response),
            llm=response.model_name or self.llm.model_name,
            detail=str(details.get("refusal") or ""),
        )

    def _usage(self, response: ModelResponse) -> Usage:
        counted = response.usage
        return Usage(
            input_tokens=counted.input_tokens,
            cached_input_tokens=counted.cache_read_tokens,
            output_tokens=counted.output_tokens,
            cost_usd=self._cost(response) if counted.total_tokens else None,
        )

    def _cost(self, response: ModelResponse) -> float | None:
        """The price by the published rates of that very address; None where it has none."""
        if self.rates is None:
            return None
        rates: dict[str, Any] = dict(self.rates)
        for name in (response.model_name, self.llm.model_name):
            try:
                return float(calc_price(response.usage, name or "", **rates).total_price)
            except (LookupError, ValueError):
                continue
        return None


class _RepeatedError(Exception):
    """A piece of a reply came twice."""


class _NoEndError(Exception):
    """A reply stopped without a reason for its end."""


@dataclass
class _StreamReader:
    """Follows a reply while it is written, and tells now and then what is written so far."""

    on_text: TextListener | None
    tick: float
    stream: StreamedResponse | None = None
    failed: bool = False
    _pieces: list[str] = field(default_factory=list)

    def text(self) -> str:
        """All that is written so far."""
        return "".join(self._pieces)

    async def follow(self, stream: StreamedResponse) -> None:
        """Listens to the end; what is written is told once more where it does not come to that."""
        self.stream = stream
        told = time.monotonic()
        try:
            async for event in stream:
                self._take(_added(event))
                if time.monotonic() >= told + self.tick:
                    await self._tell()
                    told = time.monotonic()
        except BaseException:
            if not self.failed:
                await self._tell()
            raise

    async def _tell(self) -> None:
        """Tells what is written; `failed` says that it was the listener who could not take it in."""
        if self.on_text is None:
            return
        self.failed = True
        await self.on_text(self.text())
        self.failed = False

    def _take(self, piece: str) -> None:
        if len(piece) >= LONG_DELTA and self._pieces and self._pieces[-1] == piece:
            raise _RepeatedError
        if piece:
            self._pieces.append(piece)


def _added(event: ModelResponseStreamEvent) -> str:
    """What an event of a stream adds to the text of the reply."""
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartStartEvent(part=ToolCallPart(args=arguments)):
            return _written(arguments)
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case PartDeltaEvent(delta=ToolCallPartDelta(args_delta=arguments)):
            return _written(arguments)
        case _:
            return ""


def connect(place: Endpoint) -> ProviderClient:
    """A line to an LLM: our HTTP client below the library, our schema left as it is."""
    known, key = find_provider(place.provider), place.key
    own = known.base_url_dialect if place.base_url else None
    dialect = own or known.dialect
    header = _KEY_HEADERS.get(dialect, "authorization")
    value = f"Bearer {key}" if key and header == "authorization" else key
    http = http_client(header, value, place.seconds, place.kept)
    given = {
        # The library insists on a key and would look for one; our HTTP client takes it off again.
        "api_key": key or "none",
        "base_url": place.base_url or known.url,
        "http_client": http,
    }
    llm = _CLIENTS[dialect](place.name, given)
    return ProviderClient(llm, _rates(known, place.base_url), http.aclose)


def _rates(provider: Provider, base_url: str | None) -> Mapping[str, str] | None:
    """How the price list finds the prices of this address; None where it does not have them."""
    if base_url:
        return {"provider_api_url": base_url}
    return {"provider_id": provider.priced_as} if provider.priced_as else None


def _openai(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.providers.openai import OpenAIProvider

    return _chat_completions(name, OpenAIProvider(**given))


def _openai_compatible(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    return _chat_completions(name, OpenAICompatibleProvider("own", **given))


def _chat_completions(name: str, provider: Any) -> Model[Any]:
    from pydantic_ai.models.openai import OpenAIChatModel

    llm = OpenAIChatModel(name, provider=provider, profile=_UNCHANGED, settings=_counting_once())
    return _asking_once(_trying_once(llm))


def _ollama(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    provider = OllamaProvider(**given)
    llm = OllamaModel(name, provider=provider, profile=_UNCHANGED, settings=_counting_once())
    return _asking_once(_trying_once(llm))


def _trying_once(llm: Any) -> Any:
    """Only the policy tries again. Told with each request, it would make each a client of its own."""
    llm.client.max_retries = 0
    return llm


def _counting_once() -> Any:
    """The usage told last counts: some servers tell it with every piece, and the library adds it up."""
    return {"openai_continuous_usage_stats": True}


def _asking_once(llm: Any) -> Model[Any]:
    """Usage is asked for in OpenAI's words; the setting above would put it in other servers' words."""
    llm._get_stream_options = lambda _: {"include_usage": True}  # noqa: SLF001  # it has no other door
    return llm  # type: ignore[no-any-return]


def _anthropic(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    llm = AnthropicModel(name, provider=AnthropicProvider(**given), profile=_UNCHANGED)
    return _trying_once(llm)  # type: ignore[no-any-return]


def _google(name: str, given: dict[str, Any]) -> Model[Any]:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(**given)
    return GoogleModel(name, provider=provider, profile=_UNCHANGED, settings={"max_retries": 0})


_CLIENTS: Mapping[Dialect, Callable[[str, dict[str, Any]], Model[Any]]] = {
    "openai": _openai,
    "openai_compatible": _openai_compatible,
    "anthropic": _anthropic,
    "google": _google,
    "ollama": _ollama,
}


def _message(asking: ProviderRequest) -> ModelRequest:
    """What is sent, a picture before the text: what never changes stands first, the idea last."""
    picture = asking.picture
    if picture is None:
        return ModelRequest.user_text_prompt(asking.user, instructions=asking.system)
    shown = BinaryContent(base64.b64decode(picture.base64), media_type=picture.media_type)
    return ModelRequest([UserPromptPart([shown, asking.user])], instructions=asking.system)


def _parameters(asking: ProviderRequest) -> ModelRequestParameters:
    """How the library is told the form of the reply in each mode."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", asking.name)[:64] or "prompts"
    match asking.mode:
        case "native":
            form = OutputObjectDefinition(json_schema=asking.schema, name=name, strict=True)
            return ModelRequestParameters(output_mode="native", output_object=form)
        case "tool":
            tool = ToolDefinition(
                name=name,
                parameters_json_schema=asking.schema,
                description="Takes what was asked for.",
                kind="output",
                strict=True,
            )
            return ModelRequestParameters(
                output_mode="tool", output_tools=[tool], allow_text_output=False
            )
        case "prompted":
            # The library's own prompted mode would still ask for JSON in a way a server may refuse.
            return ModelRequestParameters(output_mode="text")


def _written(arguments: object) -> str:
    """A tool's arguments as the LLM wrote them; the library would wrap what is not JSON."""
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


_TOLD_BY: tuple[tuple[FailureKind, type[Exception]], ...] = (
    ("oversize", OversizeReplyError),
    ("tls", ssl.SSLCertVerificationError),
    ("garbled", httpx2.DecodingError),
    ("garbled", _RepeatedError),
    ("dropped", _NoEndError),
)


def _fault(error: Exception) -> ProviderFailure:
    """What an exception of the library, or of a library below it, amounts to."""
    if isinstance(error, foreign.ModelHTTPError):
        kind = kind_of(error.status_code, error.body)
        return ProviderFailure(kind, error.status_code, message_in(error.body), error.retry_after)
    if isinstance(error, foreign.ModelRequestTimeout):
        return ProviderFailure("deadline")
    causes = tuple(_causes(error))
    for kind, told in _TOLD_BY:
        if any(isinstance(cause, told) for cause in causes):
            return ProviderFailure(kind)
    if isinstance(error, (foreign.ModelConnectionError, httpx2.TransportError)):
        late = isinstance(error, foreign.ModelTimeoutError)
        refused = getattr(error, "phase", "read") == "connect" and not late
        return ProviderFailure("unreachable" if refused else "dropped")
    if isinstance(error, foreign.ModelAPIError) and error.in_stream:
        return ProviderFailure("failing", said=message_in(error.body))
    # Whatever is raised before anything is sent is about the form of the request.
    unsent = isinstance(error, (foreign.UserError, AssertionError, NotImplementedError))
    return ProviderFailure("mode" if unsent else "garbled")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
