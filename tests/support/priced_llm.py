"""An LLM that writes the drafts, and reports tokens and the published price of each call."""

from __future__ import annotations

from callsheet.catalog.schemas import schema_text
from callsheet.costs.prices import price
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import Reply, Request, TextListener, Usage
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens

PRICED = "openai:gpt-5.2"


class PricedLLM:
    """Stands for a provider: `cached` is the share of the input that its cache held."""

    def __init__(self, spec: str = PRICED, cached: float = 0.0) -> None:
        self.spec = spec
        self._cached = cached

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        del on_text
        text = (await OfflineLLM().compose(request)).text
        schema = schema_text(adapt_schema(request.schema, "openai"))
        sent = sum(map(count_tokens, (request.system, request.user, schema)))
        cached, written = round(sent * self._cached), count_tokens(text)
        provider, _, name = self.spec.partition(":")
        cost = price(provider, name, sent, written, cached_tokens=cached)
        return Reply(text, "stop", Usage(sent, cached, written, cost), name)
