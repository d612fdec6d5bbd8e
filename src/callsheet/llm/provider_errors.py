"""What one failed try amounts to, read from the status and the body of a provider's answer.

Structured codes decide first, wording only where a provider gives nothing better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.llm.port import Reply

FailureKind = Literal[
    "key",
    "billing",
    "quota",
    "unknown_llm",
    "too_long",
    "filtered",
    "mode",
    "rejected",
    "busy",
    "failing",
    "dropped",
    "unreachable",
    "garbled",
    "oversize",
    "tls",
    "deadline",
]


@dataclass(frozen=True)
class ProviderFailure:
    """One try that failed, in nobody's words but ours.

    `said` is the provider's own message; `retry_after` the seconds it asked to wait; `half` what
    had been written when it broke off.
    """

    kind: FailureKind
    status: int | None = None
    said: str = ""
    retry_after: float | None = None
    half: Reply | None = None


_CODES: tuple[tuple[FailureKind, frozenset[str]], ...] = (
    ("billing", frozenset({"billing_error", "credit_balance_exhausted"})),
    (
        "quota",
        frozenset(
            {
                "insufficient_quota",
                "billing_hard_limit_reached",
                "organization_spend_limit_exceeded",
                "project_spend_limit_exceeded",
                "organization_usage_limit_exceeded",
                "enforced_spend_limit_reached",
                "exceeded_current_quota_error",
                "quota_exceeded",
            }
        ),
    ),
    (
        "too_long",
        frozenset({"context_length_exceeded", "request_too_large", "exceed_context_size_error"}),
    ),
    (
        "key",
        frozenset(
            {"invalid_api_key", "api_key_invalid", "authentication_error", "unauthenticated"}
        ),
    ),
    ("filtered", frozenset({"content_filter", "content_policy_violation"})),
    ("unknown_llm", frozenset({"model_not_found"})),
)

_REFUSED = frozenset({400, 404, 413, 422})

_WORDS: tuple[tuple[FailureKind, frozenset[int], re.Pattern[str]], ...] = (
    ("billing", _REFUSED, re.compile(r"credit balance is too low|enable billing", re.I)),
    (
        "too_long",
        _REFUSED,
        re.compile(
            r"maximum context length|reduce the length of the messages|input token count"
            r"|prompt is too long|available context size|context window",
            re.I,
        ),
    ),
    (
        "unknown_llm",
        frozenset({404}),
        re.compile(r"\bmodel\b.*(not found|does not exist|unknown)", re.I),
    ),
    (
        "mode",
        frozenset({400, 404, 422}),
        re.compile(
            r"schema|response.?format|json.?object|structured|grammar|\btools?\b|tool_choice"
            r"|\bfunctions?\b|\bstrict\b|output_config|response.?mime|additionalproperties",
            re.I,
        ),
    ),
    # A refusal without a reason may well be about the mode; asking in the next one costs little.
    ("mode", frozenset({400}), re.compile(r"^$")),
    # llama.cpp says so where what the LLM wrote broke off the form that it was held to.
    ("garbled", frozenset({500}), re.compile(r"does not match the expected")),
)
"""What only the wording tells, the first that fits."""

_STATUSES: dict[int, FailureKind] = {
    401: "key",
    402: "billing",
    403: "key",
    404: "unknown_llm",
    408: "failing",
    409: "failing",
    413: "too_long",
    415: "mode",
    425: "failing",
    429: "busy",
    501: "mode",
}
_SERVER_ERROR = 500
_DEEPEST = 6


def kind_of(status: int, body: object) -> FailureKind:
    """The kind of fault that an HTTP status and the body of its answer amount to."""
    said = message_in(body)
    codes = {code.lower() for code in _codes_in(body)}
    for kind, known in _CODES:
        if codes & known:
            return kind
    if any("perday" in code for code in codes):
        return "quota"
    for kind, statuses, words in _WORDS:
        if status in statuses and words.search(said):
            return kind
    return _STATUSES.get(status) or ("failing" if status >= _SERVER_ERROR else "rejected")


def message_in(body: object) -> str:
    """The provider's own sentence in an error body, or nothing."""
    for name in ("message", "detail", "error"):
        for text in _strings(body, {name}):
            return " ".join(text.split())
    return ""


def _codes_in(body: object) -> Iterator[str]:
    return _strings(body, {"code", "type", "status", "reason", "quotaId"})


def _strings(body: Any, names: set[str], depth: int = 0) -> Iterator[str]:
    """Every text that stands under one of the names, a few levels deep at most."""
    if depth > _DEEPEST:
        return
    if isinstance(body, dict):
        for name, value in body.items():
            if name in names and isinstance(value, str):
                yield value
        for value in body.values():
            yield from _strings(value, names, depth + 1)
    elif isinstance(body, list):
        for value in body:
            yield from _strings(value, names, depth + 1)
