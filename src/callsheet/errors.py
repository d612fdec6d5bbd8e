"""All errors as one tree: each has a code, an exit status and a hint what to do.

CallsheetError
├── InputError                     exit 2   wrong input or a wrong workflow
│   ├── UnknownNameError                    lists the known names, nearest first
│   ├── AnswerError                         an answer that does not fit its question
│   ├── PatternTooSlowError                 a pattern of a workflow takes too long
│   ├── OutputInUseError                    another batch writes the output file
│   └── WorkflowError                       all problems of a workflow
├── ReplyError                     exit 1   the reply of the LLM cannot be used
│   ├── RefusedError  FilteredError  TruncatedError  EmptyReplyError
│   └── OutputInvalidError
├── ProviderError                  exit 5   the provider failed
│   ├── KeyMissingError  KeyRefusedError  BillingError  QuotaError
│   ├── ModelNotFoundError  RequestRejectedError  InputTooLargeError
│   ├── UnreachableError  ProxyError  OverloadedError  DeadlineError
│   ├── JobRefusedError  JobUncertainError
│   └── BudgetExceededError  PriceUnknownError
├── StorageError                   exit 6   the storage of runs
│   ├── StorageFullError  StorageLockedError  StorageReadOnlyError
│   ├── StorageCorruptError  StorageNewerError
│   └── OutputUnwritableError               a file or stdout cannot be written
├── CrashedError                   exit 1   processes died while executing a run
└── InternalError                  exit 1   a defect of callsheet
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any


@dataclass(frozen=True)
class Problem:
    """A problem of a file: its position and what to do.

    `path` is a JSON path such as `$.steps[1].modules[0].inputs`; empty for a whole file.
    """

    file: str
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file} at {self.path}" if self.path else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True)
class GroupProblem(Problem):
    """A problem of one model group: only that group cannot be used."""

    group: str = ""


class CallsheetError(Exception):
    """An error with a message and a hint what to do.

    `document` shows the run that it ended, where the Python API raises it for one.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    document: Mapping[str, Any] | None = None

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CallsheetError):
    """The input is wrong."""

    code = "bad_input"
    exit_code = 2


class UnknownNameError(InputError):
    """An unknown name; the hint lists the known ones, nearest first."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = nearest_first(name, known)
        super().__init__(
            f"there is no {kind} {name!r}",
            hint=f"known: {', '.join(names)}" if names else f"no {kind} exists yet",
        )


class StateConflictError(InputError):
    """The run is not in a state in which this can be done."""


class AnswerError(InputError):
    """An answer does not fit its question; nothing was recorded."""

    code = "bad_answer"


class PatternTooSlowError(InputError):
    """A regular expression of a workflow takes too long on some text.

    `place` is the file and the JSON path where it stands, where they are known.
    """

    code = "pattern_too_slow"

    def __init__(self, pattern: str, place: Problem | None = None) -> None:
        slow = f"the pattern {pattern!r:.80} takes too long on some texts"
        super().__init__(
            f"{place.file} at {place.path}: {slow}" if place else slow,
            hint="write it so that no part can match in two ways: `a+` instead of `(a+)+`",
        )
        self.pattern = pattern


class OutputInUseError(InputError):
    """Another batch is writing the output file; nothing was started."""

    code = "output_in_use"


class WorkflowError(InputError):
    """A workflow is invalid; lists every problem."""

    code = "invalid_workflow"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first, more = problems[0], len(problems) - 1
        where = f"{first.file} at {first.path}" if first.path else first.file
        message = f"{where}: {first.message}" + (f" (and {more} more)" if more else "")
        super().__init__(message, hint=first.hint or "`callsheet check` lists every problem")
        self.problems = tuple(problems)


class ReplyError(CallsheetError):
    """The reply of the LLM has no usable prompts."""

    code = "reply_unusable"


class RefusedError(ReplyError):
    """The LLM refused to write."""

    code = "refused"


class FilteredError(ReplyError):
    """The provider's content filter blocked the reply."""

    code = "filtered"


class TruncatedError(ReplyError):
    """The reply was truncated at the output limit."""

    code = "output_truncated"


class EmptyReplyError(ReplyError):
    """The reply is empty."""

    code = "empty_response"


class OutputInvalidError(ReplyError):
    """After all repairs a prompt is still missing or invalid."""

    code = "output_invalid"


class ProviderError(CallsheetError):
    """The LLM's provider failed."""

    code = "provider_error"
    exit_code = 5


class KeyMissingError(ProviderError):
    """No key is set for the provider."""

    code = "provider_key_missing"


class KeyRefusedError(ProviderError):
    """The provider refused the key."""

    code = "provider_auth"


class BillingError(ProviderError):
    """The account at the provider has no credit left."""

    code = "provider_billing"


class QuotaError(ProviderError):
    """The account's quota or spending limit is used up."""

    code = "provider_quota"


class ModelNotFoundError(ProviderError):
    """The provider has no LLM of this name."""

    code = "llm_not_found"


class RequestRejectedError(ProviderError):
    """The provider refused the request in every mode."""

    code = "provider_rejected_request"


class InputTooLargeError(ProviderError):
    """The request is longer than the LLM accepts."""

    code = "input_too_large"


class UnreachableError(ProviderError):
    """The provider cannot be reached."""

    code = "provider_unreachable"


class ProxyError(UnreachableError):
    """The proxy to the provider cannot be reached, or refuses to connect."""

    code = "provider_proxy"


class CertificateError(ProviderError):
    """The certificate of the provider's server cannot be verified."""

    code = "provider_tls"


class OverloadedError(ProviderError):
    """The provider was overloaded, rate-limited or failing in every try.

    `retry_after` is how many seconds it asked to wait, if it did.
    """

    code = "provider_unavailable"
    retry_after: float | None = None

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DeadlineError(ProviderError):
    """A call took too long, or nothing came for too long, and was cut.

    `received` is the part of a reply that came, a `Reply`.
    """

    code = "provider_timeout"
    received: object = None


class JobRefusedError(ProviderError):
    """The provider refused to create a batch job: none exists, and nothing is billed."""

    code = "provider_job_refused"


class JobUncertainError(ProviderError):
    """The provider did not answer whether it created a batch job: it may exist."""

    code = "provider_job_uncertain"


class BudgetExceededError(ProviderError):
    """The next call could exceed the run's budget; nothing was sent."""

    code = "cost_ceiling"


class PriceUnknownError(ProviderError):
    """A budget was set, and the price of a call is not known."""

    code = "price_unknown"


class StorageError(CallsheetError):
    """The storage of runs cannot be used.

    `document` also shows what was received and could not be stored.
    """

    code = "storage"
    exit_code = 6


class StorageFullError(StorageError):
    """The storage of runs is full."""

    code = "storage_full"


class StorageLockedError(StorageError):
    """Another process locked the storage of runs for too long."""

    code = "storage_locked"


class StorageReadOnlyError(StorageError):
    """The storage of runs can be read, but not written."""

    code = "storage_read_only"


class StorageCorruptError(StorageError):
    """The storage of runs is damaged; it is left unchanged."""

    code = "storage_corrupt"


class StorageNewerError(StorageError):
    """A newer version of callsheet wrote the storage of runs; it is left unchanged."""

    code = "storage_newer"


class OutputUnwritableError(StorageError):
    """A result cannot be written to its file or to stdout; the run is stored."""

    code = "output_unwritable"


_REFUSED = {
    errno.ENOSPC: StorageFullError,
    errno.EDQUOT: StorageFullError,
    errno.EFBIG: StorageFullError,
    errno.EROFS: StorageReadOnlyError,
    errno.EACCES: StorageReadOnlyError,
    errno.EPERM: StorageReadOnlyError,
}


def storage_error_class(error: OSError) -> type[StorageError]:
    """The class for an error of the system where something is stored."""
    return _REFUSED.get(error.errno or 0, StorageError)


class CrashedError(CallsheetError):
    """Several processes died one after another while executing the run, so it failed."""

    code = "run_crashed"


class InternalError(CallsheetError):
    """A defect of callsheet, shown without a traceback."""

    code = "internal"


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """The known names, the most similar first; the others keep their order."""
    names = list(known)
    spellings: dict[str, list[str]] = {}
    for each in names:
        spellings.setdefault(each.lower(), []).append(each)
    close = get_close_matches(name.lower(), spellings, n=len(names) or 1, cutoff=0.6)
    near = [each for word in close for each in spellings[word]]
    return near + [other for other in names if other not in near]


def error_of(code: str, message: str, hint: str) -> CallsheetError:
    """The error of a recorded failure, with the class of its code."""
    classes = [CallsheetError]
    for each in classes:
        classes += each.__subclasses__()
    found = next((each for each in classes if each.code == code), CallsheetError)
    # Some classes build their message from other arguments, so no constructor is called.
    error = found.__new__(found)
    CallsheetError.__init__(error, message, hint=hint)
    return error
