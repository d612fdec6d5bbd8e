"""Asks a real LLM through the provider's own interface, as safely as the provider allows.

The only door to the client library, which is imported when the first request is made.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.llm.faults import Fault, kind_of, message_in
from callsheet.llm.lowering import count_texts, lower
from callsheet.llm.policy import MODES, Again, GiveUp, InMode, Limits, Tally, next_step
from callsheet.llm.port import Reply, Usage
from callsheet.llm.specs import OWN_SERVER_KEY, PROVIDERS, Key
from callsheet.llm.wire import OversizeReplyError, http_client
from callsheet.llm.wording import Address, redact, visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

    from callsheet.llm.policy import Mode
    from callsheet.llm.port import Finish, Request

NO_KEY = "none"
"""Sent to a server of the person's own that wants no key: the library insists on one."""

_AS_TEXT = (
    "Reply with one JSON object and nothing else: no fence, no word before or after it."
    " It follows this JSON schema:"
)


@dataclass
class Client:
    """An LLM of a provider, or, with `base_url`, of an OpenAI-compatible server of the person's own.

    It remembers which mode the LLM accepted, so that a refused one is asked for once only.
    """

    provider: str
    name: str
    base_url: str | None = field(default=None, kw_only=True)
    key: Key | None = field(default=None, kw_only=True)
    limits: Limits = field(default_factory=Limits, kw_only=True)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, kw_only=True)
    chance: Callable[[], float] = field(default=random.random, kw_only=True)
    _mode: Mode = field(default="native", init=False)
    _llm: Model[Any] | None = field(default=None, init=False, repr=False)

    @property
    def spec(self) -> str:
        """How the person named it."""
        return f"{self.provider}:{self.name}"

    @property
    def address(self) -> Address:
        """Where it is reached, in words for a person."""
        known = PROVIDERS[self.provider]
        own = self.base_url is not None
        return Address(
            title=known.title,
            name=self.name,
            url=visible(self.base_url or known.url),
            key_name=self.key.variable if self.key else "",
            own=own,
            deadline=self.limits.deadline,
        )

    async def compose(self, request: Request) -> Reply:
        """The LLM's reply, after as many tries as the policy has; raises what then is left to say."""
        tally = Tally(mode=self._mode)
        while True:
            started = time.monotonic()
            outcome = await self._try(request, tally)
            if isinstance(outcome, Reply):
                self._mode = tally.mode
                return outcome
            spent = tally.spent + time.monotonic() - started
            tally = replace(tally, tries=tally.tries + 1, spent=spent)
            match next_step(outcome, tally, self.limits, self.address, self.chance()):
                case InMode(mode):
                    tally = replace(tally, mode=mode, tries=tally.tries - 1)
                case Again(after):
                    await self.sleep(after)
                    tally = replace(tally, waited=tally.waited + after)
                case GiveUp(error):
                    raise error

    async def _try(self, request: Request, tally: Tally) -> Reply | Fault:
        if self._llm is None:
            # The first import takes seconds; other work goes on meanwhile.
            self._llm = await asyncio.to_thread(_connect, self)
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest

        schema = lower(request.schema, PROVIDERS[self.provider].dialect)
        system = request.system
        if tally.mode == "prompted":
            system = f"{system}\n\n{_AS_TEXT}\n{json.dumps(schema, ensure_ascii=False)}"
        try:
            response = await model_request(
                self._llm,
                [ModelRequest.user_text_prompt(request.user, instructions=system)],
                model_request_parameters=_parameters(tally.mode, schema, request.name),
                model_settings=self._settings(schema, self.limits.deadline - tally.spent),
            )
        except IndexError:
            # The library takes the first of no choices.
            return Reply(text="", finish="stop", usage=Usage(), llm=self.name)
        except Exception as error:  # noqa: BLE001  # whatever a foreign library raises ends here
            return _fault(error, self._hide(request))
        return _reply(response, self)

    def _settings(self, schema: dict[str, Any], seconds: float) -> ModelSettings:
        limits = self.limits
        texts = count_texts(schema)
        return {
            "max_retries": 0,
            "max_tokens": limits.max_tokens or limits.base_tokens + limits.tokens_per_text * texts,
            "request_timeout": max(seconds, 0.01),
            "framing_announcement": "never",
        }

    def _hide(self, request: Request) -> Callable[[str], str]:
        secrets = (self.key.value,) if self.key else ()
        return lambda text: redact(text, secrets, (request.system, request.user))


def _connect(client: Client) -> Model[Any]:
    """The library's own object for this LLM: our HTTP client, and our schema sent as it is."""
    known = PROVIDERS[client.provider]
    key = client.key.value if client.key else ""
    url = client.base_url or known.url
    http = http_client(_key_header(known.dialect, key), client.limits.deadline)
    # The libraries insist on a key; where there is none, the HTTP client takes this one off again.
    key = key or "none"
    match known.dialect:
        case "anthropic":
            return _anthropic(client.name, AnthropicProvider_(key, url, http))


