"""Creates the LLM that a spec names."""

from __future__ import annotations

import math
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.errors import InputError
from callsheet.llm.provider import OWN_IDLE_TIMEOUT, OWN_TIMEOUT
from callsheet.llm.providers import (
    choose_key,
    find_provider,
    parse_base_url,
    parse_host,
    parse_spec,
    provider_of,
)

if TYPE_CHECKING:
    from callsheet.errors import CallsheetError
    from callsheet.llm.concurrency import ConcurrencyLimiter
    from callsheet.llm.port import LLM, Reply, Request, TextListener
    from callsheet.llm.providers import Key, Provider
    from callsheet.llm.retry_policy import CallLimits
    from callsheet.questions import Question
    from callsheet.settings import Settings


def open_llm(
    spec: str,
    *,
    base_url: str | None,
    settings: Settings,
    limiter: ConcurrencyLimiter | None = None,
    options: CallOptions = NO_OPTIONS,
) -> LLM:
    """The LLM of this spec; raises InputError for an unknown one, KeyMissingError without its key."""
    named = parse_spec(spec)
    provider = find_provider(named.provider)
    if base_url and provider.base_url_dialect is None:
        raise InputError(
            f"a base URL does not go with `{spec}`",
            hint="it is the address of an OpenAI-compatible server: name its LLM `openai:NAME`",
        )
    check_options(spec, base_url, options)
    address = parse_base_url(base_url) if base_url else None
    key = choose_key(named, settings.environment, base_url=address)
    host = settings.environment.get(provider.host_variable, "")
    if host and address is None:
        address = parse_host(provider.host_variable, host)
    if provider.factory:
        return _from_factory(provider, named.name, key)
    # The client libraries take seconds to import; offline and pasted runs never need them.
    from callsheet.llm.provider_llm import ProviderLLM
    from callsheet.llm.proxies import find_proxy

    return ProviderLLM(
        named.provider,
        named.name,
        base_url=address,
        key=key,
        proxy=find_proxy(address or provider.url, settings.environment),
        limits=_limits(provider, settings, own=address is not None, flex=options.is_flex),
        limiter=limiter,
        options=options,
    )


def check_options(spec: str, base_url: str | None, options: CallOptions) -> None:
    """Raises InputError where the LLM is known not to take one of these options."""
    provider = provider_of(spec)
    if options == NO_OPTIONS or provider is None:
        return
    from callsheet.llm.request_settings import check_call_options

    name = spec.partition(":")[2].strip()
    check_call_options(provider, name, options, own=base_url is not None)


def _limits(provider: Provider, settings: Settings, *, own: bool, flex: bool) -> CallLimits:
    """The limits of the settings, or else the time limits of the provider; a time of 0 is none."""
    from callsheet.llm.retry_policy import FLEX_TIMEOUT, CallLimits

    usual = (OWN_TIMEOUT, OWN_IDLE_TIMEOUT) if own else (provider.timeout, provider.idle_timeout)
    if flex:
        usual = (max(FLEX_TIMEOUT, usual[0]), max(FLEX_TIMEOUT, usual[1]))
    given = (settings.timeout, settings.idle_timeout)
    deadline, idle = (
        (default if chosen is None else chosen) or math.inf
        for chosen, default in zip(given, usual, strict=True)
    )
    return CallLimits(
        deadline=deadline,
        idle=idle,
        patience=FLEX_TIMEOUT if flex else CallLimits.patience,
        max_tokens=settings.max_output_tokens,
    )


def _from_factory(provider: Provider, name: str, key: Key | None) -> LLM:
    try:
        llm: LLM = resolve_name(provider.factory)(name, key.value if key else "")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"the provider `{provider.name}` cannot be used: {type(error).__name__}: {error!s:.200}",
            hint=f"update or remove the package that brings it: {provider.factory}",
        ) from error
    return llm


class LLMCache:
    """LLMs by spec and address, each created once: that takes longer than the rest of a run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[tuple[str, str | None, CallOptions], LLM] = {}

    def open(
        self,
        spec: str,
        base_url: str | None,
        options: CallOptions = NO_OPTIONS,
        limiter: ConcurrencyLimiter | None = None,
    ) -> LLM:
        """The LLM of this spec, a new one for each limiter; raises as `open_llm` does."""
        key = (spec, base_url, options)
        if limiter is None and key in self._open:
            return self._open[key]
        llm = open_llm(
            spec, base_url=base_url, settings=self._settings, limiter=limiter, options=options
        )
        if limiter is None:
            self._open[key] = llm
        return llm


class UnavailableLLM:
    """An LLM that cannot be created here; a call raises the reason."""

    def __init__(self, spec: str, error: CallsheetError) -> None:
        self.spec = spec
        self._error = error

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        raise self._error
