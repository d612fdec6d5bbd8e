"""Tells a provider's fault in the person's words: what happened, at whose address, what to do.

No key and nothing of the prompts is ever in a message; the provider's own words only as far as
they hold neither.
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
    QuotaError,
    RequestRejectedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.llm.provider_errors import FailureKind, ProviderFailure

LONGEST_QUOTE = 300
_WINDOW = 24
_MINUTE, _HOUR = 60, 3_600


@dataclass(frozen=True)
class LLMAddress:
    """Where an LLM is reached: the provider's title or the person's own URL, and which key opens it."""

    title: str
    name: str
    url: str
    key_name: str
    own: bool = False
    missing_llm_hint: str = ""
    unreachable_hint: str = ""
    deadline: float = field(default=120.0, compare=False)

    @property
    def place(self) -> str:
        """The provider as a person knows it."""
        return self.url if self.own else self.title


def error_for(fault: ProviderFailure, tries: int, address: LLMAddress) -> CallsheetError:
    """The error that a person is shown for the fault that ended a call."""
    return _TOLD[fault.kind](fault, tries, address)


def redact(text: str, secrets: tuple[str, ...], private: tuple[str, ...]) -> str:
    """A provider's message, short, without keys and without any stretch of what was sent."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    text = re.sub(r"\b(sk|pk|key|AIza)[-_A-Za-z0-9*]{8,}", "[key]", text)[:LONGEST_QUOTE]
    sent = "\n".join(private)
    for start in range(len(text) - _WINDOW + 1):
        if text[start : start + _WINDOW] in sent:
            return text[:start].rstrip() + " […]"
    return text


def visible(url: str) -> str:
    """The URL without a user, password or query, fit to be shown."""
    return re.sub(r"[?#].*$", "", re.sub(r"//[^/@]*@", "//", url))


def _key(fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    if at.own and not at.key_name:
        return KeyRefusedError(f"{at.place} wants a key", hint="set CALLSHEET_API_KEY to it")
    if fault.status == HTTPStatus.FORBIDDEN:
        return KeyRefusedError(
            f"the key in {at.key_name} may not use `{at.name}` at {at.place}",
            hint="check the key's project and permissions, or choose another LLM",
        )
    return KeyRefusedError(
        f"the key in {at.key_name} was refused by {at.place}",
        hint="check that it is whole, current and meant for this provider",
    )


def _billing(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return BillingError(
        f"{at.place} wants to be paid before it writes more",
        hint="add credit to the account of the key, then go on with `callsheet resume`",
    )


def _quota(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return QuotaError(
        f"the quota or spending limit of the account at {at.place} is used up",
        hint="raise the limit or wait for its reset, then go on with `callsheet resume`",
    )


def _unknown_llm(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    if at.missing_llm_hint:
        hint = at.missing_llm_hint.replace("{name}", at.name)
    elif at.own:
        hint = "check the name, and the address: it usually ends in /v1"
    else:
        hint = "check the name against the provider's list, and that the account may use it"
    return ModelNotFoundError(f"{at.place} has no LLM `{at.name}`", hint=hint)


def _too_long(fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return InputTooLargeError(
        f"the request is longer than `{at.name}` can take{_quoted(fault)}",
        hint="choose fewer groups, or an LLM that reads more",
    )


def _filtered(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return FilteredError(
        f"the content filter of {at.place} stopped the request",
        hint="say the idea in other words, or choose another LLM",
    )


def _rejected(fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    status = f" (status {fault.status})" if fault.status else ""
    return RequestRejectedError(
        f"{at.place} refused the request{status}{_quoted(fault)}",
        hint=f"another LLM may take it; if not, `{at.name}` needs something callsheet does not send",
    )


def _overloaded(fault: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    what = "limits how often it may be called" if fault.kind == "busy" else "is failing"
    status = f" (status {fault.status})" if fault.status else ""
    tried = f"; it was tried {tries} times" if tries > 1 else ""
    if fault.retry_after is None:
        return OverloadedError(
            f"{at.place} {what}{status}{tried}", hint="try again later with `callsheet resume`"
        )
    wait = _span(fault.retry_after)
    return OverloadedError(
        f"{at.place} {what}{status} and asks to wait {wait}{tried}",
        hint=f"go on with `callsheet resume` in {wait}",
        retry_after=fault.retry_after,
    )


def _dropped(_fault: ProviderFailure, tries: int, at: LLMAddress) -> CallsheetError:
    return UnreachableError(
        f"the connection to {at.place} broke off{f' {tries} times' if tries > 1 else ''}",
        hint="check the network, then go on with `callsheet resume`",
    )


def _unreachable(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    if at.own or at.unreachable_hint:
        return UnreachableError(
            f"no LLM answers at {at.url} (is it running?)",
            hint=at.unreachable_hint or "start the server, or check the address",
        )
    return UnreachableError(f"{at.place} cannot be reached", hint="check the network and its proxy")


def _tls(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return CertificateError(
        f"the certificate of {at.url} could not be verified",
        hint="check the address, the clock and the certificates of a proxy in between",
    )


def _garbled(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    hint = "check the address: it usually ends in /v1" if at.own else "try again later"
    return ProviderError(f"what {at.url} answers is no LLM's reply", hint=hint)


def _oversize(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return ProviderError(
        f"the reply of {at.place} was larger than 10 MB and was cut off",
        hint="an LLM's reply is a thousandth of that; check the address",
    )


def _deadline(_fault: ProviderFailure, _tries: int, at: LLMAddress) -> CallsheetError:
    return DeadlineError(
        f"`{at.name}` at {at.place} did not answer within {_span(at.deadline)}",
        hint="choose fewer groups or a faster LLM, then go on with `callsheet resume`",
    )


_TOLD: Mapping[FailureKind, Callable[[ProviderFailure, int, LLMAddress], CallsheetError]] = {
    "key": _key,
    "billing": _billing,
    "quota": _quota,
    "unknown_llm": _unknown_llm,
    "too_long": _too_long,
    "filtered": _filtered,
    "mode": _rejected,
    "rejected": _rejected,
    "busy": _overloaded,
    "failing": _overloaded,
    "dropped": _dropped,
    "unreachable": _unreachable,
    "garbled": _garbled,
    "oversize": _oversize,
    "tls": _tls,
    "deadline": _deadline,
}


def _quoted(fault: ProviderFailure) -> str:
    return f": {fault.said}" if fault.said else ""


def _span(seconds: float) -> str:
    """A time in the unit that a person would use."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} seconds"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds / _HOUR:.0f} hours"
