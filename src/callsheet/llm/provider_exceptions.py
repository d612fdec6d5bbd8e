"""Classifies the exceptions of the client library, and of the libraries below it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx2
from pydantic_ai import exceptions as foreign

from callsheet.llm.http import OversizeReplyError
from callsheet.llm.provider_errors import ProviderFailure, failure_of, stream_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.llm.provider_errors import FailureKind


class RepeatedError(Exception):
    """A piece of a reply arrived twice."""


class NoEndError(Exception):
    """A reply ended without a finish reason."""


_BY_EXCEPTION: tuple[tuple[FailureKind, type[Exception]], ...] = (
    ("oversize", OversizeReplyError),
    ("tls", ssl.SSLCertVerificationError),
    ("proxy", httpx2.ProxyError),
    ("idle", httpx2.ReadTimeout),
    ("garbled", httpx2.DecodingError),
    ("garbled", RepeatedError),
    ("dropped", NoEndError),
)


def failure_from(error: Exception) -> ProviderFailure:
    """Classifies an exception of the library, or of a library below it."""
    if isinstance(error, foreign.ModelHTTPError):
        return failure_of(error.status_code, error.body, error.retry_after)
    if isinstance(error, foreign.ModelRequestTimeout):
        return ProviderFailure("deadline")
    causes = tuple(_causes(error))
    for kind, exception in _BY_EXCEPTION:
        if any(isinstance(cause, exception) for cause in causes):
            return ProviderFailure(kind)
    if isinstance(error, (foreign.ModelConnectionError, httpx2.TransportError)):
        late = isinstance(error, foreign.ModelTimeoutError)
        refused = getattr(error, "phase", "read") == "connect" and not late
        return ProviderFailure("unreachable" if refused else "dropped")
    if isinstance(error, foreign.ModelAPIError) and error.in_stream:
        return stream_failure(error.body)
    # An exception before anything is sent is about the form of the request.
    unsent = isinstance(error, (foreign.UserError, AssertionError, NotImplementedError))
    return ProviderFailure("mode" if unsent else "garbled")


def job_failure(error: Exception) -> ProviderFailure:
    """Classifies an exception of a provider's own library, which is called directly for batch jobs."""
    # OpenAI's and Anthropic's libraries have the one, Google's the other.
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(status, int):
        body = getattr(error, "body", None) or getattr(error, "details", None)
        return failure_of(status, body, None)
    failure = failure_from(error)
    transport = next(
        (one for one in _causes(error) if isinstance(one, httpx2.TransportError)), None
    )
    if transport is None or failure.kind != "garbled":
        return failure
    refused = isinstance(transport, (httpx2.ConnectError, httpx2.ConnectTimeout))
    return ProviderFailure("unreachable" if refused else "dropped")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
