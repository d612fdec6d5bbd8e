"""The client library's settings for tier, effort, temperature and prompt cache, by dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.call_options import EFFORTS
from callsheet.errors import InputError
from callsheet.llm.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.call_options import CallOptions
    from callsheet.llm.cache_terms import CacheTerms
    from callsheet.llm.providers import Dialect, Provider

_EXPLICIT = {"mode": "explicit", "ttl": "30m"}


@dataclass(frozen=True)
class CacheUse:
    """How a request uses the provider's cache: its key, and whether its prefix is marked."""

    key: str
    terms: CacheTerms
    mark: bool = False


def request_settings(
    dialect: Dialect, options: CallOptions, tier: str | None, cache: CacheUse | None
) -> dict[str, Any]:
    """The settings of one request; empty where nothing was chosen."""
    settings: dict[str, Any] = {}
    if tier:
        settings["service_tier"] = "default" if tier == "standard" else tier
    if options.temperature is not None:
        settings["temperature"] = options.temperature
    if options.effort:
        settings |= _EFFORT.get(dialect, _openai_effort)(options.effort)
    if cache and (use := _CACHE.get(dialect)):
        settings |= use(cache)
    return settings


def _openai_effort(effort: str) -> dict[str, Any]:
    return {"openai_reasoning_effort": effort}


def _anthropic_effort(effort: str) -> dict[str, Any]:
    return {"anthropic_effort": effort}


def _google_effort(effort: str) -> dict[str, Any]:
    return {"thinking": False if effort == EFFORTS[0] else effort}


def _openai_cache(cache: CacheUse) -> dict[str, Any]:
    key: dict[str, Any] = {"openai_prompt_cache_key": cache.key}
    if not cache.terms.marked:
        return key
    # In this mode a request without a mark writes nothing, and pays for no writing.
    return key | {
        "openai_prompt_cache_options": _EXPLICIT,
        "openai_cache_instructions": cache.mark,
    }


def _anthropic_cache(cache: CacheUse) -> dict[str, Any]:
    kept = "1h" if cache.terms.for_hour else "5m"
    return {"anthropic_cache_instructions": kept} if cache.mark else {}


_EFFORT: Mapping[Dialect, Callable[[str], dict[str, Any]]] = {
    "anthropic": _anthropic_effort,
    "google": _google_effort,
}
_CACHE: Mapping[Dialect, Callable[[CacheUse], dict[str, Any]]] = {
    "openai": _openai_cache,
    "anthropic": _anthropic_cache,
}


def check_call_options(provider: Provider, name: str, options: CallOptions, *, own: bool) -> None:
    """Raises InputError where the LLM is known not to take one of these options."""
    if options.is_flex and (own or not provider.has_flex):
        where = "a server of your own" if own else provider.title
        raise InputError(
            f"{where} has no flex tier",
            hint=f"--tier flex works with {_listed(lambda each: each.has_flex)}; leave it out, or"
            " choose one of those",
        )
    if not own:
        _check_effort(provider, name, options.effort)
        temperature = options.temperature
        if temperature is not None and not provider.takes_temperature(name, options.effort):
            raise _takes_no_temperature(provider, name)


def _takes_no_temperature(provider: Provider, name: str) -> InputError:
    if provider.takes_temperature(name, EFFORTS[0]):
        return InputError(
            f"`{_spec(provider, name)}` takes no temperature while it thinks",
            hint="add --effort none, or leave --temperature out",
        )
    return InputError(
        f"`{_spec(provider, name)}` takes no temperature",
        hint=_names("--temperature", provider, provider.no_temperature, excluded=True),
    )


def _check_effort(provider: Provider, name: str, effort: str | None) -> None:
    if effort is None or effort in (known := provider.efforts_of(name)):
        return
    if not known:
        raise InputError(
            f"`{_spec(provider, name)}` takes no effort",
            hint=_names("--effort", provider, provider.effort or ()),
        )
    raise InputError(
        f"`{_spec(provider, name)}` has no effort `{effort}`",
        hint=f"use {', '.join(known)}, or leave --effort out",
    )


def _spec(provider: Provider, name: str) -> str:
    return f"{provider.name}:{name}" if name else provider.name


def _names(
    option: str, provider: Provider, beginnings: tuple[str, ...], *, excluded: bool = False
) -> str:
    """Which LLMs take an option: of this provider, else of others."""
    if provider.factory:
        which = _listed(lambda each: not each.factory)
        return f"leave {option} out, or choose an LLM of {which}"
    listed = ", ".join(f"`{each}`" for each in beginnings)
    verb = "do not begin" if excluded else "begin"
    return (
        f"{provider.title} takes {option} for LLMs whose names {verb} with {listed}; leave it out"
    )


def _listed(has: Callable[[Provider], bool]) -> str:
    return ", ".join(each.usage for each in PROVIDERS.values() if has(each))
