"""A model of how providers bill: servers on 127.0.0.1 that cache prefixes, and charge by their own table.

Nothing here is read from callsheet or its price list: floors, rates and tiers stand in `LLMS`, as the
providers published them in November 2026. Tokens are counted from what arrives on the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rs_bpe.bpe import openai

from tests.support.anthropic_server import AnthropicServer
from tests.support.google_server import GoogleServer
from tests.support.loopback import OK
from tests.support.strict_openai import StrictOpenAI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.loopback import Answer, Fault, ReceivedRequest

_COUNT = openai.o200k_base().count


@dataclass(frozen=True)
class Rates:
    """US dollars for a million tokens, and from which length on a prefix is kept.

    Where `marked`, only marked prefixes are kept, at the rate `write`; `factor` is how many tokens
    the provider's tokenizer makes of one of o200k, which nobody outside knows.
    """

    read: float
    input: float
    output: float
    floor: int
    step: int = 1
    write: float = 0.0
    marked: bool = False
    flex: float = 1.0
    factor: float = 1.15


LLMS: Mapping[str, Rates] = {
    "openai:gpt-5.2": Rates(0.175, 1.75, 14, 1_024, step=128, flex=0.5, factor=1.0),
    "openai:gpt-5.6-sol": Rates(0.4, 4, 20, 1_024, write=5, marked=True, flex=0.5, factor=1.0),
    "anthropic:claude-sonnet-4-6": Rates(0.3, 3, 15, 1_024, write=3.75, marked=True),
    "anthropic:claude-haiku-4-5": Rates(0.1, 1, 5, 4_096, write=1.25, marked=True),
    "google:gemini-3.8-flash": Rates(0.075, 0.75, 3.75, 4_096),
}


@dataclass(frozen=True)
class Charge:
    """One call as it was billed, in tokens and US dollars."""

    sent: int
    read: int
    written: int
    output: int
    usd: float
    message: str = field(repr=False)


@dataclass
class Ledger:
    """The cache and the bill of one provider's LLM."""

    rates: Rates
    charges: list[Charge] = field(default_factory=list)
    _kept: set[str] = field(default_factory=set)

    def charge(self, prefix: str, message: str, reply: str, *, mark: bool, flex: bool) -> Charge:
        """Bill a call, and keep its prefix if that is long enough, and marked where it must be."""
        rates = self.rates
        head = round(_COUNT(prefix) * rates.factor)
        sent = head + round(_COUNT(message) * rates.factor)
        output = round(_COUNT(reply) * rates.factor)
        held = head - head % rates.step if head >= rates.floor and mark >= rates.marked else 0
        read = held if prefix in self._kept else 0
        written = held - read if rates.marked else 0
        if held:
            self._kept.add(prefix)
        usd = (sent - read - written) * rates.input + read * rates.read + written * rates.write
        usd = (usd + output * rates.output) * (rates.flex if flex else 1) / 1e6
        charge = Charge(sent, read, written, output, usd, message)
        self.charges.append(charge)
        return charge

    def forget(self) -> None:
        """Empty the cache and the bill, as after a while."""
        self.charges.clear()
        self._kept.clear()

    def charge_for(self, idea: str) -> Charge:
        """Return the only charge for this idea."""
        (charge,) = (each for each in self.charges if idea in each.message)
        return charge


class BillingOpenAI(StrictOpenAI):
    """OpenAI's server, which bills."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.ledger = Ledger(rates)

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        answer, body = super().answer(seen, fault), seen.json
        if answer.code != OK:
            return answer
        system, user = (message["content"] for message in body["messages"])
        flex = body.get("service_tier") == "flex"
        self.conduct = replace(self.conduct, tier="flex" if flex else "default")
        if isinstance(system, list):
            mark = "prompt_cache_breakpoint" in system[-1]
            system = system[-1]["text"]
        else:
            mark = body.get("prompt_cache_options", {}).get("mode") != "explicit"
        schema = _compact(body["response_format"]["json_schema"]["schema"])
        reply = answer.body["choices"][0]["message"]["content"]
        charge = self.ledger.charge(system + schema, user, reply, mark=mark, flex=flex)
        details = {"cached_tokens": charge.read, "cache_write_tokens": charge.written}
        answer.body["usage"] = {
            "prompt_tokens": charge.sent,
            "completion_tokens": charge.output,
            "total_tokens": charge.sent + charge.output,
            "prompt_tokens_details": details,
        }
        return answer


class BillingAnthropic(AnthropicServer):
    """Anthropic's server, which bills."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.ledger = Ledger(rates)

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        answer, body = super().answer(seen, fault), seen.json
        if answer.code != OK:
            return answer
        system, schema = body["system"], _compact(body["output_config"]["format"]["schema"])
        mark = isinstance(system, list) and "cache_control" in system[-1]
        text = system[-1]["text"] if isinstance(system, list) else system
        reply = answer.body["content"][0]["text"]
        charge = self.ledger.charge(
            text + schema, _text_of(body["messages"]), reply, mark=mark, flex=False
        )
        answer.body["usage"] = {
            "input_tokens": charge.sent - charge.read - charge.written,
            "cache_creation_input_tokens": charge.written,
            "cache_read_input_tokens": charge.read,
            "output_tokens": charge.output,
        }
        return answer


class BillingGoogle(GoogleServer):
    """Google's server, which bills."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.ledger = Ledger(rates)

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        answer, body = super().answer(seen, fault), seen.json
        if answer.code != OK:
            return answer
        system = "".join(part["text"] for part in body["systemInstruction"]["parts"])
        schema = _compact(body["generationConfig"]["responseJsonSchema"])
        reply = answer.body["candidates"][0]["content"]["parts"][0]["text"]
        user = "".join(part["text"] for part in body["contents"][0]["parts"])
        charge = self.ledger.charge(system + schema, user, reply, mark=True, flex=False)
        answer.body["usageMetadata"] = {
            "promptTokenCount": charge.sent,
            "cachedContentTokenCount": charge.read,
            "candidatesTokenCount": charge.output,
            "totalTokenCount": charge.sent + charge.output,
        }
        return answer


SERVERS: Mapping[str, type[BillingOpenAI | BillingAnthropic | BillingGoogle]] = {
    "openai": BillingOpenAI,
    "anthropic": BillingAnthropic,
    "google": BillingGoogle,
}


def _text_of(messages: list[Any]) -> str:
    content = messages[0]["content"]
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def _compact(schema: Any) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
