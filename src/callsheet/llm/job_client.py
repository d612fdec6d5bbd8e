"""What the batch jobs of all providers share: rows are encoded, results read, failures worded."""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic_ai.models.batch import BatchRequest, BatchResult

from callsheet.errors import CallsheetError, JobRefusedError, JobUncertainError, ProviderError
from callsheet.llm.error_messages import error_for, redact
from callsheet.llm.http import LONGEST_FILE
from callsheet.llm.job_types import JobResult, JobRowError
from callsheet.llm.provider_client import connect, message_of, parameters_of, settings_of
from callsheet.llm.provider_exceptions import failure_from, job_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import IO

    from callsheet.llm.error_messages import LLMAddress
    from callsheet.llm.job_types import Found, JobRowErrorKind, JobStatus, MaybeOurs
    from callsheet.llm.provider_client import Build, ProviderClient
    from callsheet.llm.provider_errors import ProviderFailure
    from callsheet.llm.provider_request import Endpoint, ProviderRequest

CLOCK_SKEW = 3_600.0
"""Seconds by which a provider's clock may be behind ours."""

LONGEST_SILENCE = 600.0
"""Seconds: a provider reads a long file before it answers."""

_UNDECIDED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
"""Refusals after which a job may exist all the same."""

_PASSING = frozenset({"busy", "failing", "no_room", "dropped"})
"""Failures of a row that say nothing against it."""

_ROW_ENDS: Mapping[JobRowErrorKind, str] = {
    "expired": "the job expired before the provider came to this row",
    "cancelled": "the job was cancelled before the provider came to this row",
}


class JobClient(ABC):
    """The batch jobs of one provider.

    `settings` are the library's for each row.
    """

    settings: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self, client: ProviderClient, address: LLMAddress, secrets: tuple[str, ...]
    ) -> None:
        self._client = client
        self._address = address
        self._secrets = secrets

    @classmethod
    def open(cls, endpoint: Endpoint, address: LLMAddress, secrets: tuple[str, ...]) -> JobClient:
        """The jobs of the LLM at this address."""
        patient = replace(endpoint, idle_timeout=max(endpoint.idle_timeout, LONGEST_SILENCE))
        client = connect(patient, build=cls.builder(), longest=LONGEST_FILE)
        return cls(client, address, secrets)

    @staticmethod
    def builder() -> Build | None:
        """What makes the library's object, where the usual one has no jobs."""
        return None

    @property
    def _model(self) -> Any:
        return self._client.llm

    async def line(self, request: ProviderRequest, custom_id: str) -> str:
        """The provider's own JSON of one row."""
        encoded = await self._model.batch_encode(
            BatchRequest(
                custom_id=custom_id,
                messages=[message_of(request)],
                model_settings=cast("Any", {**settings_of(request, self._model), **self.settings}),
                model_request_parameters=parameters_of(request),
            )
        )
        return self._line(json.dumps(custom_id), encoded.body)

    async def create(self, job: str, file: IO[bytes], count: int) -> str:
        """Creates a job, once; raises JobRefusedError or JobUncertainError."""
        file.seek(0)
        try:
            return await self._create(job, file, count)
        except CallsheetError:
            raise
        except Exception as error:  # noqa: BLE001  # each library raises kinds of its own
            failure = job_failure(error)
            why = self._worded(failure)
            if surely_refused(failure):
                raise JobRefusedError(why.message, hint=why.hint) from why
            raise JobUncertainError(why.message, hint=why.hint) from why

    async def results(self, provider_id: str) -> AsyncIterator[JobResult]:
        """The results of an ended job."""
        with self._errors(provider_id):
            async for result in self._results(provider_id):
                yield self._read(result) if isinstance(result, BatchResult) else result

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    @abstractmethod
    def _line(self, custom_id: str, body: str) -> str: ...

    @abstractmethod
    async def _create(self, job: str, file: IO[bytes], count: int) -> str: ...

    @abstractmethod
    async def find(self, job: str, since: float, count: int) -> Found | MaybeOurs | None:
        """Finds a job by our mark."""

    @abstractmethod
    async def status(self, provider_id: str) -> JobStatus:
        """The state of a job."""

    @abstractmethod
    def _results(self, provider_id: str) -> AsyncIterator[BatchResult | JobResult]: ...

    @abstractmethod
    async def cancel(self, provider_id: str) -> None:
        """Cancels a job."""

    @abstractmethod
    async def forget(self, provider_id: str) -> None:
        """Deletes what the provider keeps of a job."""

    @contextmanager
    def _errors(self, provider_id: str = "") -> Iterator[None]:
        """Turns what the client libraries raise into our errors."""
        try:
            yield
        except CallsheetError:
            raise
        except Exception as error:
            failure = job_failure(error)
            if provider_id and failure.status == HTTPStatus.NOT_FOUND:
                raise ProviderError(
                    f"{self._address.place} does not know the job {provider_id}",
                    hint=f"use a key of the account that sent it, in {self._address.key_name}; results are"
                    " kept for some weeks only",
                ) from error
            raise self._worded(failure) from error

    def _worded(self, failure: ProviderFailure) -> CallsheetError:
        told = replace(failure, message=self._redacted(failure.message))
        return error_for(told, 1, self._address)

    def _read(self, result: BatchResult) -> JobResult:
        if result.status in ("expired", "canceled"):
            kind: JobRowErrorKind = "expired" if result.status == "expired" else "cancelled"
            return JobResult(result.custom_id, unrun(kind))
        try:
            # The library reads neither messages nor settings of the request to decode its result.
            response = self._model.batch_decode(
                result, BatchRequest(custom_id=result.custom_id, messages=[])
            )
        except Exception as error:  # noqa: BLE001  # whatever a malformed result makes the library raise
            return JobResult(result.custom_id, self._row_error(failure_from(error)))
        return JobResult(result.custom_id, self._client.read(response))

    def _row_error(self, failure: ProviderFailure) -> JobRowError:
        kind: JobRowErrorKind = "unavailable" if failure.kind in _PASSING else "errored"
        return JobRowError(kind, self._worded(failure))

    def _redacted(self, message: str) -> str:
        return redact(message, self._secrets, ())


def unrun(kind: JobRowErrorKind, message: str = "") -> JobRowError:
    """Why the provider did not run a row."""
    hint = "repeat the command; only rows without a reply are sent"
    return JobRowError(kind, ProviderError(message or _ROW_ENDS[kind], hint=hint))


def surely_refused(failure: ProviderFailure) -> bool:
    """Whether a failure to create says that no job exists."""
    if failure.status is None:
        return failure.kind in ("unreachable", "proxy", "tls")
    is_refusal = HTTPStatus.BAD_REQUEST <= failure.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_refusal and failure.status not in _UNDECIDED


@contextmanager
def scratch_file() -> Iterator[IO[bytes]]:
    """A file for a download: its rows take longer to be stored than a connection stays open."""
    with tempfile.TemporaryFile() as file:
        yield file
