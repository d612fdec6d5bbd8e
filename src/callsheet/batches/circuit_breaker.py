"""Stops all calls of a batch once the provider fails in a way that every further call would meet."""

from __future__ import annotations

from callsheet.errors import (
    BillingError,
    BudgetExceededError,
    KeyMissingError,
    KeyRefusedError,
    ModelNotFoundError,
    OverloadedError,
    PriceUnknownError,
    ProviderError,
    ProxyError,
    QuotaError,
    UnreachableError,
)

FATAL_ERRORS = (
    KeyMissingError,
    KeyRefusedError,
    BillingError,
    QuotaError,
    ModelNotFoundError,
    BudgetExceededError,
    PriceUnknownError,
    ProxyError,
)
"""Errors that every further call would meet as well."""

MAX_CONSECUTIVE_FAILURES = 5
"""Failed calls in a row, without a reply in between, that open the circuit."""


class CircuitBreaker:
    """Opens with the first fatal error; from then on `check` raises that error."""

    def __init__(self) -> None:
        self.error: ProviderError | None = None
        self._failures = 0

    @property
    def is_open(self) -> bool:
        """Whether calls are stopped."""
        return self.error is not None

    def check(self) -> None:
        """Raise the error that opened the circuit, if one did."""
        if self.error is not None:
            # Without the traceback of the call that met it first.
            raise self.error.with_traceback(None)

    def record_success(self) -> None:
        """Count a call that was answered."""
        self._failures = 0

    def record_failure(self, error: ProviderError) -> None:
        """Count a failed call, and open the circuit where further calls would fail as well."""
        long_wait = isinstance(error, OverloadedError) and error.retry_after is not None
        if isinstance(error, (OverloadedError, UnreachableError)):
            self._failures += 1
        too_many = self._failures >= MAX_CONSECUTIVE_FAILURES
        if isinstance(error, FATAL_ERRORS) or long_wait or too_many:
            self.error = self.error or error
