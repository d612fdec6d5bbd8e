"""Classifies a failed try by the status and body of the provider's response.

Structured codes are read first, wording only where a provider gives nothing better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.llm.port import Reply
    from callsheet.llm.provider_request import Refusable

FailureKind = Literal[
    "key",
    "billing",
    "quota",
    "unknown_llm",
    "too_long",
    "filtered",
    "mode",
    "rejected",
    "unable",
    "busy",
    "no_room",
    "no_tier",
    "failing",
    "dropped",
    "unreachable",
    "proxy",
    "garbled",
    "oversize",
    "tls",
    "deadline",
    "idle",
]


@dataclass(frozen=True)
class ProviderFailure:
    """A failed try.

    `message` is the provider's own, `retry_after` the seconds it asked to wait, and `partial` what was
    received of the reply. `refused` is a part of the request that it does not take, `most_tokens` the
    output limit that it named, `context` the tokens that input and output may have together, and
    `counted` those of the input.
    """

    kind: FailureKind
    status: int | None = None
    message: str = ""
    retry_after: float | None = None
    partial: Reply | None = None
    refused: Refusable | None = None
    most_tokens: int | None = None
    context: int | None = None
    counted: int | None = None


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
    ("no_room", frozenset({"resource_unavailable"})),
)

_REFUSED = frozenset({400, 404, 413, 422})
_REFUSED_OR_FAILED = _REFUSED | {500, 503}
"""Servers on a person's own computer answer many a refusal with 500."""

_WORDS: tuple[tuple[FailureKind, frozenset[int], re.Pattern[str]], ...] = (
    ("billing", _REFUSED, re.compile(r"credit balance is too low|enable billing", re.I)),
    (
        "too_long",
        _REFUSED_OR_FAILED,
        re.compile(
            r"maximum context length|greater than the context length|reduce the length of the messages|input token count"
            r"|prompt is too long|available context size|context window|context size has been exceeded"
            r"|exceeds? (?:the )?context|context limit|with context length|context the overflows"
            r"|max_model_len|max_new_tokens.? must be <=",
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
    # A refusal without a reason may be about the mode; a try in the next one costs little.
    ("mode", frozenset({400}), re.compile(r"^$")),
    # What a server cannot do now, it cannot do in a minute either.
    (
        "unable",
        _REFUSED_OR_FAILED,
        re.compile(
            r"image input is not supported|requires more (?:system )?memory|no models? (?:is )?loaded"
            r"|failed to load|unexpected endpoint|out of memory",
            re.I,
        ),
    ),
    # llama.cpp reports so where the LLM left the grammar.
    ("garbled", frozenset({500}), re.compile(r"does not match the expected")),
)
"""Kinds that only the wording tells; the first match counts."""

_LASTING = ("billing", "quota", "too_long", "key", "filtered", "unknown_llm", "unable")
"""Kinds that the words of an error tell even where its status says nothing."""

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


_PARTS: tuple[tuple[Refusable, re.Pattern[str]], ...] = (
    ("stream_options", re.compile(r"stream_options|include_usage", re.I)),
    ("token_limit", re.compile(r"max_completion_tokens|max_tokens", re.I)),
    ("service_tier", re.compile(r"service.?tier|\bflex\b", re.I)),
    ("prompt_cache", re.compile(r"prompt_cache|cache_control", re.I)),
    (
        "system_role",
        re.compile(
            r"system (role|message|prompt|instruction)|\brole\b.{0,20}\bsystem\b|roles must alternate",
            re.I,
        ),
    ),
)
_NO_PICTURES = re.compile(
    r"image input|image_url|mmproj|not a multimodal|at most 0 image|vision"
    r"|(?:support|accept|process)\w* (?:images?|vision|pictures?)\b",
    re.I,
)
_UNKNOWN = re.compile(
    r"unsupported|not supported|unknown|unrecognized|unexpected|not permitted|not allowed|extra inputs"
    r"|extra fields|does not support|does not accept|must alternate",
    re.I,
)
_MAY_REFUSE = frozenset({400, 404, 422, 500})

_NUMBER = r"[`'\" ]*(\d[\d,]*)"
_MOST = re.compile(
    rf"at most{_NUMBER}[`'\"]? (?:completion|output) tokens|\[1, ?(\d+)\]"
    rf"|max\w*_tokens\b[^.]{{0,120}}?(?:less than or equal to|<=|at most|no more than|exceed){_NUMBER}"
    rf"|>{_NUMBER}[`'\"]?, which is the maximum",
    re.I,
)
_CONTEXT = re.compile(
    rf"(?:context (?:length|window|size))[^.\d]{{0,40}}{_NUMBER}|max_model_len\W{{0,3}}{_NUMBER}"
    rf"|n_ctx\W{{1,4}}{_NUMBER}|max_new_tokens`? must be <={_NUMBER}|\d \+ \d+ >{_NUMBER}",
    re.I,
)
_SENT = re.compile(
    rf"{_NUMBER} (?:tokens )?(?:in|from) (?:the |your )?(?:messages|prompt|input)"
    rf"|{_NUMBER} `?inputs?`? tokens|request \({_NUMBER} tokens|exceed context limit:{_NUMBER} \+"
    rf"|(?:prompt|request|input|messages)\w* (?:contains?|has|have|resulted in)(?: at least)?{_NUMBER}",
    re.I,
)
_OF_REPLY = re.compile(r"requested|max\w*_(?:tokens|model)|completion|output|generat", re.I)
_REQUESTED = re.compile(rf"requested(?: about)?{_NUMBER} tokens", re.I)
LEAST_OUTPUT = 300
"""Tokens; less than a single prompt takes is no limit to call again within."""

MARGIN = 16
"""Tokens that a server's chat template may add to the input that it counted."""


def failure_of(status: int, body: object, retry_after: float | None) -> ProviderFailure:
    """The failure that an HTTP response with an error stands for."""
    body = _as_object(body)
    message = message_in(body)
    refused = next(_refused(status, f"{message} {' '.join(_strings(body, {'param'}))}"), None)
    kind = kind_of(status, body)
    failure = ProviderFailure(kind, status, message, retry_after, refused=refused)
    return _with_limits(failure) if status in _REFUSED_OR_FAILED else failure


def _as_object(body: object) -> object:
    """An error body as an object where it is a plain sentence; a web page says nothing."""
    is_sentence = isinstance(body, str) and not body.lstrip().startswith("<")
    return {"error": body} if is_sentence else body


def _refused(status: int, text: str) -> Iterator[Refusable]:
    if status in _MAY_REFUSE and _NO_PICTURES.search(text):
        yield "picture"
    if status in _MAY_REFUSE and _UNKNOWN.search(text):
        yield from (part for part, words in _PARTS if words.search(text))


def _with_limits(failure: ProviderFailure) -> ProviderFailure:
    """The failure with what its words say of tokens: context and input, or the longest reply."""
    context, counted, limit = (p.search(failure.message) for p in (_CONTEXT, _SENT, _MOST))
    if context:
        sent = _number(counted) if counted else None
        return replace(failure, context=_number(context), counted=sent)
    most = _number(limit) if limit else 0
    return replace(failure, most_tokens=most) if most >= LEAST_OUTPUT else failure


def with_room(failure: ProviderFailure, asked: int, estimate: int) -> ProviderFailure:
    """The failure with the tokens that a reply may have, where it names a context.

    `asked` are the tokens that the request left for the reply, `estimate` those of its input, which
    counts where the server does not say how many it has counted.
    """
    if failure.context is None:
        return failure
    if failure.counted is None and not _OF_REPLY.search(failure.message):
        return failure  # the input alone is too long
    requested = _REQUESTED.search(failure.message)
    total = _number(requested) - asked if requested else 0
    counted = failure.counted or (total if total > 0 else estimate)
    room = failure.context - counted - MARGIN
    most = room if LEAST_OUTPUT <= room < asked else None
    return replace(failure, counted=counted, most_tokens=most)


def _number(found: re.Match[str]) -> int:
    return int(next(filter(None, found.groups())).replace(",", ""))


def stream_failure(body: object) -> ProviderFailure:
    """The failure that an error stands for which a server tells in a stream, or with status 200."""
    failure = failure_of(HTTPStatus.BAD_REQUEST, body, None)
    return replace(
        failure, kind=failure.kind if failure.kind in _LASTING else "failing", status=None
    )


def kind_of(status: int, body: object) -> FailureKind:
    """The kind of failure for an HTTP status and response body."""
    message = message_in(body)
    codes = {code.lower() for code in _codes_in(body)}
    for kind, known in _CODES:
        if codes & known:
            return kind
    if any("perday" in code for code in codes):
        return "quota"
    for kind, statuses, words in _WORDS:
        if status in statuses and words.search(message):
            return kind
    return _STATUSES.get(status) or ("failing" if status >= _SERVER_ERROR else "rejected")


def message_in(body: object) -> str:
    """The provider's message in an error body, or an empty text."""
    for text in (
        *_strings(body, {"message"}),
        *_strings(body, {"detail"}),
        *_strings(body, {"error"}),
    ):
        return " ".join(text.split())
    # FastAPI lists what is wrong, each with its place in the request.
    listed = body.get("detail") if isinstance(body, dict) else None
    wrong = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return "; ".join(f"{'.'.join(map(str, e.get('loc') or ()))}: {e.get('msg')}" for e in wrong)


def _codes_in(body: object) -> Iterator[str]:
    return _strings(body, {"code", "type", "status", "reason", "quotaId"})


def _strings(body: Any, names: set[str], depth: int = 0) -> Iterator[str]:
    """Texts under one of these names, at most _DEEPEST levels deep."""
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
