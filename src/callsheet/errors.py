"""What can go wrong, as one tree: each error knows its code, its exit status and what to do next.

CallsheetError
├── InputError                     exit 2   the person's words, or a workflow's
│   ├── UnknownNameError                    lists the known names, nearest first
│   ├── AnswerError                         an answer that does not fit its question
│   └── WorkflowError                       everything wrong with a workflow, at once
├── ReplyError                     exit 1   the LLM answered, and it cannot be used
│   ├── RefusedError  FilteredError  TruncatedError  EmptyReplyError
│   └── OutputInvalidError
├── ProviderError                  exit 5   the LLM's provider did not do its part
│   ├── KeyMissingError  KeyRefusedError  BillingError  QuotaError
│   ├── ModelNotFoundError  RequestRejectedError  InputTooLargeError
│   ├── UnreachableError  OverloadedError  DeadlineError
│   └── CostCeilingError  PriceUnknownError
├── StorageError                   exit 6   the place where runs are kept
│   ├── StorageFullError  StorageLockedError
│   └── StorageReadOnlyError  StorageCorruptError
├── CrashedError                   exit 1   one worker after another died of a run
└── InternalError                  exit 1   a defect of ours
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: where it stands and what to do about it.

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
    """Something callsheet can explain: what and where, then what to do."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CallsheetError):
    """What was asked for cannot be done as it was said."""

    code = "bad_input"
    exit_code = 2


class UnknownNameError(InputError):
    """A name that nothing bears; the hint lists those that exist, nearest first."""

    code = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = nearest_first(name, known)
        super().__init__(
            f"there is no {kind} {name!r}",
            hint=f"known: {', '.join(names)}" if names else f"no {kind} exists yet",
        )


class AnswerError(InputError):
    """An answer that does not fit its question; nothing was recorded."""

    code = "bad_answer"


class WorkflowError(InputError):
    """A workflow that cannot be run as it is written; holds every problem that was found."""

    code = "invalid_workflow"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first, more = problems[0], len(problems) - 1
        where = f"{first.file} at {first.path}" if first.path else first.file
        message = f"{where}: {first.message}" + (f" (and {more} more)" if more else "")
        super().__init__(message, hint=first.hint or "`callsheet check` lists every problem")
        self.problems = tuple(problems)


class ReplyError(CallsheetError):
    """The LLM answered, but not with prompts that can be used."""

    code = "reply_unusable"


class RefusedError(ReplyError):
    """The LLM declined to write."""

    code = "refused"


class FilteredError(ReplyError):
    """The provider's content filter stopped the reply."""

    code = "filtered"


class TruncatedError(ReplyError):
    """The reply ended at the output limit, before it was complete."""

    code = "output_truncated"


class EmptyReplyError(ReplyError):
    """The reply held no text."""

    code = "empty_response"


class OutputInvalidError(ReplyError):
    """After every repair a prompt is still missing or of the wrong form."""

    code = "output_invalid"


class ProviderError(CallsheetError):
    """The LLM's provider did not do its part."""

    code = "provider_error"
    exit_code = 5


class KeyMissingError(ProviderError):
    """No key is set for the provider."""

    code = "provider_key_missing"


class KeyRefusedError(ProviderError):
    """The provider did not accept the key."""

    code = "provider_auth"


class BillingError(ProviderError):
    """The provider wants to be paid first."""

    code = "provider_billing"


class QuotaError(ProviderError):
    """The account's quota or spending limit is used up."""

    code = "provider_quota"


class ModelNotFoundError(ProviderError):
    """The provider has no LLM of this name."""

    code = "llm_not_found"


class RequestRejectedError(ProviderError):
    """The provider refused the request's form in every mode we know."""

    code = "provider_rejected_request"


class InputTooLargeError(ProviderError):
    """The request is longer than the LLM can read."""

    code = "input_too_large"


class UnreachableError(ProviderError):
    """Nothing answers at the provider's address."""

    code = "provider_unreachable"


class CertificateError(ProviderError):
    """The server at the provider's address cannot prove that it is the provider's."""

    code = "provider_tls"


class OverloadedError(ProviderError):
    """The provider was overloaded, rate-limited or failing to the last try.

    `retry_after` is how many seconds it asked to wait, if it said.
    """

    code = "provider_unavailable"
    retry_after: float | None = None

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DeadlineError(ProviderError):
    """The provider did not answer in time."""

    code = "provider_timeout"


class CostCeilingError(ProviderError):
    """The next call could lift the run's cost over its ceiling; nothing was sent."""

    code = "cost_ceiling"


class PriceUnknownError(ProviderError):
    """A ceiling was set, and nobody knows what a call costs."""

    code = "price_unknown"


class StorageError(CallsheetError):
    """The place where runs are kept cannot be used."""

    code = "storage"
    exit_code = 6


class StorageFullError(StorageError):
    """There is no room left where runs are kept."""

    code = "storage_full"


class StorageLockedError(StorageError):
    """Somebody else holds the place where runs are kept, and did not let go of it in time."""

    code = "storage_locked"


class StorageReadOnlyError(StorageError):
    """What is kept can be looked at, and nothing can be added."""

    code = "storage_read_only"


class StorageCorruptError(StorageError):
    """The place where runs are kept is damaged; it is left as it is."""

    code = "storage_corrupt"


_REFUSED = {
    errno.ENOSPC: StorageFullError,
    errno.EDQUOT: StorageFullError,
    errno.EROFS: StorageReadOnlyError,
}


def refused(error: OSError) -> type[StorageError]:
    """The error that names what the system refused in a place where something is kept."""
    return _REFUSED.get(error.errno or 0, StorageError)


class CrashedError(CallsheetError):
    """One worker after another died in the middle of the run, so it was given up."""

    code = "run_crashed"


class InternalError(CallsheetError):
    """A defect of ours, told without a traceback."""

    code = "internal"


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """The known names, those most like `name` before the others, which keep their order."""
    names = list(known)
    spelt: dict[str, list[str]] = {}
    for each in names:
        spelt.setdefault(each.lower(), []).append(each)
    close = get_close_matches(name.lower(), spelt, n=len(names) or 1, cutoff=0.6)
    near = [each for word in close for each in spelt[word]]
    return near + [other for other in names if other not in near]


def error_of(code: str, message: str, hint: str) -> CallsheetError:
    """The error that a recorded failure tells of, of the class that bears its code."""
    classes = [CallsheetError]
    for each in classes:
        classes += each.__subclasses__()
    found = next((each for each in classes if each.code == code), CallsheetError)
    # Some classes make their message from other arguments, so no constructor is called.
    error = found.__new__(found)
    CallsheetError.__init__(error, message, hint=hint)
    return error
