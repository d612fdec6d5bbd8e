"""Provider batch jobs: many requests in one file, answered within a day at a lower price.

Importing this is cheap: the client library is imported with the first request.
"""

from __future__ import annotations

import asyncio
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from callsheet.errors import InputError
from callsheet.errors import JobRefusedError as JobRefusedError  # noqa: PLC0414
from callsheet.errors import JobUncertainError as JobUncertainError  # noqa: PLC0414
from callsheet.llm.job_types import Found as Found  # noqa: PLC0414, TC001
from callsheet.llm.job_types import JobResult as JobResult  # noqa: PLC0414, TC001
from callsheet.llm.job_types import JobRowError as JobRowError  # noqa: PLC0414
from callsheet.llm.job_types import JobStatus as JobStatus  # noqa: PLC0414, TC001
from callsheet.llm.job_types import MaybeOurs as MaybeOurs  # noqa: PLC0414, TC001
from callsheet.llm.providers import PROVIDERS, find_provider, provider_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import IO

    from callsheet.call_options import CallOptions
    from callsheet.llm.job_client import JobClient
    from callsheet.llm.port import LLM, Request
    from callsheet.llm.provider import JobTerms
    from callsheet.llm.provider_llm import ProviderLLM
    from callsheet.llm.providers import Dialect

_CLIENTS: Mapping[Dialect, str] = {
    "openai": "callsheet.llm.openai_jobs:OpenAIJobClient",
    "anthropic": "callsheet.llm.anthropic_jobs:AnthropicJobClient",
    "google": "callsheet.llm.google_jobs:GoogleJobClient",
}
"""The classes are imported with the first request."""


class NoJobsError(InputError):
    """An LLM cannot be asked in batch jobs, or not with these options."""


def check_jobs(spec: str, base_url: str | None, options: CallOptions) -> None:
    """Raises NoJobsError where an LLM cannot be asked in jobs with these options."""
    provider = provider_of(spec)
    if provider is None or provider.jobs is None or base_url:
        where = "a server of your own" if base_url else f"`{spec}`"
        listed = ", ".join(each.usage for each in PROVIDERS.values() if each.jobs)
        raise NoJobsError(
            f"{where} takes no batch jobs", hint=f"leave --jobs out, or choose an LLM of {listed}"
        )
    if options.tier is not None:
        raise NoJobsError(
            "a batch job has its own price and no service tier", hint="leave --tier or --jobs out"
        )


def open_jobs(llm: LLM) -> ProviderJobs:
    """The jobs of an LLM; raises InputError where its provider has none."""
    from callsheet.llm.provider_llm import ProviderLLM

    terms = find_provider(llm.provider).jobs if isinstance(llm, ProviderLLM) else None
    if not isinstance(llm, ProviderLLM) or terms is None:
        raise InputError(f"`{llm.spec}` takes no batch jobs", hint="leave --jobs out")
    check_jobs(llm.spec, llm.base_url, llm.options)
    return ProviderJobs(llm, terms)


class ProviderJobs:
    """Batch jobs of one LLM. All but `line` call the provider, and raise ProviderError where it fails.

    A job takes `max_requests` lines of `max_bytes` together, line feeds included, at most. A custom
    id has 1 to 64 letters, digits, `_` and `-`, and begins with the job's id and `-`.
    """

    def __init__(self, llm: ProviderLLM, terms: JobTerms) -> None:
        self.max_requests = terms.max_requests
        self.max_bytes = terms.max_bytes
        self._llm = llm
        self._opened: JobClient | None = None
        self._opening = asyncio.Lock()

    async def line(self, request: Request, custom_id: str, *, cached: bool = False) -> str:
        """The line of a request, without a line feed.

        `cached` says that other rows of the job share its instructions and schema: where that pays, the
        provider is asked to keep them for an hour.
        """
        sent = await asyncio.to_thread(self._llm.job_request, request, cached=cached)
        return await (await self._client()).line(sent, custom_id)

    async def create(self, job: str, file: IO[bytes], count: int) -> str:
        """Creates a job with our mark from an open file of `count` lines, once; returns the provider's id of it.

        Raises JobRefusedError where none exists, JobUncertainError where one may.
        """
        return await (await self._client()).create(job, file, count)

    async def find(self, job: str, since: float, count: int) -> Found | MaybeOurs | None:
        """Finds a job by our mark among those that were created since a Unix time."""
        return await (await self._client()).find(job, since, count)

    async def status(self, provider_id: str) -> JobStatus:
        """The state of a job."""
        return await (await self._client()).status(provider_id)

    async def results(self, provider_id: str) -> AsyncIterator[JobResult]:
        """The results of an ended job, in any order; a row that the provider lost is missing."""
        client = await self._client()
        async for result in client.results(provider_id):
            yield result

    async def cancel(self, provider_id: str) -> None:
        """Cancels a job; rows that are done remain, and are billed. One that has ended stays as it is."""
        await (await self._client()).cancel(provider_id)

    async def forget(self, provider_id: str) -> None:
        """Deletes what the provider keeps of an ended job, where it has that; for files that are gone, nothing."""
        await (await self._client()).forget(provider_id)

    async def close(self) -> None:
        """Closes the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _client(self) -> JobClient:
        async with self._opening:
            if self._opened is None:
                # The first import takes seconds; other tasks continue meanwhile.
                self._opened = await asyncio.to_thread(self._open)
            return self._opened

    def _open(self) -> JobClient:
        kind: type[JobClient] = resolve_name(_CLIENTS[find_provider(self._llm.provider).dialect])
        secrets = (self._llm.key.value,) if self._llm.key else ()
        return kind.open(self._llm.endpoint, self._llm.address, secrets)
