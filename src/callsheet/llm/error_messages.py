"""Words the errors for provider failures: what happened, at which address, and what to do.

A message never contains a key or part of a prompt; the provider's own words only without both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from callsheet.errors import (
    BillingError,
    CallsheetError,
    CertificateError,
    DeadlineError,
    FilteredError,
    InputTooLargeError,
    KeyRefusedError,
    ModelNotFoundError,
    OverloadedError,
    ProviderError,
    ProxyError,
    QuotaError,
    RequestRejectedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.llm.provider_errors import FailureKind, ProviderFailure

LONGEST_QUOTE = 300
SHORTEST_SECRET = 8
"""Characters; a shorter key, such as the `token` of a local server, is a word of its messages."""

_WINDOW = 24
_MINUTE, _HOUR = 60, 3_600


@dataclass(frozen=True)
class LLMAddress:
    """Where an LLM is reached, for messages: title or own URL, and the variable of its key."""

    title: str
    name: str
    url: str
    key_name: str
    own: bool = False
    missing_llm_hint: str = ""
    unreachable_hint: str = ""
    deadline: float = field(default=120.0, compare=False)
    proxy: str = ""
    idle: float = field(default=60.0, compare=False)
    context_hint: str = ""

    @property
    def place(self) -> str:
        """The provider's title, or the URL of an own server."""
        return self.url if self.own else self.title


def error_for(failure: ProviderFailure, tries: int, address: LLMAddress) -> CallsheetError:
    """The error for the failure that ended a call."""
    return _ERRORS[failure.kind](failure, tries, address)


def redact(text: str, secrets: tuple[str, ...], private: tuple[str, ...]) -> str:
    """A provider's message, shortened, without keys and without any part of what was sent."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[key]")
    text = re.sub(r"\b(sk|pk|key|AIza)[-_A-Za-z0-9*]{8,}", "[key]", text)[:LONGEST_QUOTE]
    sent = "\n".join(private)
    for start in range(len(text) - _WINDOW + 1):
        if text[start : start + _WINDOW] in sent:
            return text[:start].rstrip() + " […]"
    return text


def visible(url: str) -> str:
    """The URL without user, password and query."""
    return re.sub(r"[?#].*$", "", re.sub(r"//[^/@]*@", "//", url))


def _key(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    if at.own and not at.key_name:
        return KeyRefusedError(f"{at.place} requires a key", hint="set CALLSHEET_API_KEY")
    if failure.status == HTTPStatus.FORBIDDEN:
        return KeyRefusedError(
            f"the key in {at.key_name} may not use `{at.name}` at {at.place}",
            hint="check the key's project and permissions, or choose another LLM",
        )
    return KeyRefusedError(
        f"the key in {at.key_name} was refused by {at.place}",
        hint="check that it is whole, current and meant for this provider",
    )


def _billing(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return BillingError(
        f"the account at {at.place} has no credit left",
        hint="add credit to the account of the key, then run `callsheet resume`",
    )


def _quota(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return QuotaError(
        f"the quota or spending limit of the account at {at.place} is used up",
        hint="raise the limit or wait for its reset, then run `callsheet resume`",
    )


def _unknown_llm(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    if at.missing_llm_hint:
        hint = at.missing_llm_hint.replace("{name}", at.name)
    elif at.own:
        hint = "check the name, and the address: it usually ends in /v1"
    else:
        hint = "check the name against the provider's list, and that the account may use it"
    return ModelNotFoundError(f"{at.place} has no LLM `{at.name}`", hint=hint)


def _too_long(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return InputTooLargeError(
        f"the request is longer than `{at.name}` accepts{_quoted(failure)}",
        hint=f"{at.context_hint}, or choose fewer groups"
        if at.context_hint
        else "choose fewer groups, or an LLM with a larger context window",
    )


def _filtered(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return FilteredError(
        f"the content filter of {at.place} stopped the request",
        hint="rephrase the idea, or choose another LLM",
    )


def _rejected(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    status = f" (status {failure.status})" if failure.status else ""
    return RequestRejectedError(
        f"{at.place} refused the request{status}{_quoted(failure)}",
        hint=f"try another LLM; `{at.name}` may require something callsheet does not send",
    )


def _unable(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return RequestRejectedError(
        f"{at.place} cannot answer with `{at.name}`{_quoted(failure)}",
        hint="put that right at the server, or choose another LLM; trying again changes nothing",
    )


def _no_room(_failure: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    tried = f"; it was tried {tries} times" if tries > 1 else ""
    return OverloadedError(
        f"{at.place} has no room at the flex tier{tried}",
        hint="run `callsheet resume` later; `--tier flex,standard` pays the standard price instead",
    )


def _no_tier(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return RequestRejectedError(
        f"{at.place} has no flex tier for `{at.name}`{_quoted(failure)}",
        hint="use `--tier standard`, or choose another LLM",
    )


def _overloaded(failure: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    what = "limits the rate of calls" if failure.kind == "busy" else "is failing"
    status = f" (status {failure.status})" if failure.status else ""
    tried = f"; it was tried {tries} times" if tries > 1 else ""
    if failure.retry_after is None:
        return OverloadedError(
            f"{at.place} {what}{status}{_quoted(failure)}{tried}",
            hint="run `callsheet resume` later",
        )
    wait = _span(failure.retry_after)
    return OverloadedError(
        f"{at.place} {what}{status} and asks to wait {wait}{tried}",
        hint=f"run `callsheet resume` in {wait}",
        retry_after=failure.retry_after,
    )


def _dropped(_failure: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    return UnreachableError(
        f"the connection to {at.place} broke off{f' {tries} times' if tries > 1 else ''}",
        hint="check the network, then run `callsheet resume`",
    )


def _proxy(failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    reason = "does not answer" if failure.kind == "unreachable" else "refused to connect"
    return ProxyError(
        f"{at.proxy or 'the proxy'} {reason}, so {at.place} cannot be reached{_quoted(failure)}",
        hint="correct or unset the variable, or except the host in NO_PROXY",
    )


def _unreachable(failure: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    if at.proxy:
        return _proxy(failure, tries, at)
    if at.own or at.unreachable_hint:
        return UnreachableError(
            f"no LLM answers at {at.url} (is it running?)",
            hint=at.unreachable_hint or "start the server, or check the address",
        )
    return UnreachableError(f"{at.place} cannot be reached", hint="check the network")


def _tls(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return CertificateError(
        f"the certificate of {at.url} could not be verified",
        hint="check the address, the clock and the certificates of a proxy in between",
    )


def _garbled(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    hint = "check the address: it usually ends in /v1" if at.own else "try again later"
    return ProviderError(f"the response of {at.url} is not the reply of an LLM", hint=hint)


def _oversize(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return ProviderError(
        f"the reply of {at.place} was larger than 10 MB and was cut off",
        hint="replies of LLMs are a thousand times smaller; check the address",
    )


def _deadline(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return DeadlineError(
        f"`{at.name}` at {at.place} did not finish within {_span(at.deadline)}",
        hint="raise `--timeout` (seconds; 0 is no limit), or choose fewer groups; then run"
        " `callsheet resume`",
    )


def _idle(_failure: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return DeadlineError(
        f"`{at.name}` at {at.place} sent nothing for {_span(at.idle)}",
        hint="raise `--idle-timeout` (seconds; 0 is no limit), or check the server; then run"
        " `callsheet resume`",
    )


_ERRORS: Mapping[FailureKind, Callable[[ProviderFailure, int, LLMAddress], CallsheetError]] = {
    "key": _key,
    "billing": _billing,
    "quota": _quota,
    "unknown_llm": _unknown_llm,
    "too_long": _too_long,
    "filtered": _filtered,
    "mode": _rejected,
    "rejected": _rejected,
    "unable": _unable,
    "busy": _overloaded,
    "no_room": _no_room,
    "no_tier": _no_tier,
    "failing": _overloaded,
    "dropped": _dropped,
    "unreachable": _unreachable,
    "proxy": _proxy,
    "garbled": _garbled,
    "oversize": _oversize,
    "tls": _tls,
    "deadline": _deadline,
    "idle": _idle,
}


def _quoted(failure: ProviderFailure) -> str:
    return f": {failure.message}" if failure.message else ""


def _span(seconds: float) -> str:
    """A duration in seconds, minutes or hours."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} seconds"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds / _HOUR:.0f} hours"
