"""Executes runs inside the test's own process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callsheet.llm.port import LLM
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.retry_policy import CallLimits
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import RunSession
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.strict_openai import StrictOpenAI

IDEA = "a woman reads by a rain-streaked window at dusk"


async def no_wait(seconds: float) -> None:
    """Stand in for sleeping between attempts."""


def client_of(server: StrictOpenAI, name: str = "any", tick: float = 0.25) -> ProviderLLM:
    """Return the real client, speaking to a loopback server."""
    return client_at(server.url, name, tick)


def client_at(url: str, name: str = "any", tick: float = 0.25) -> ProviderLLM:
    """Return the real client for a server's address."""
    limits = CallLimits(deadline=20, text_interval=tick)
    return ProviderLLM("openai", name, base_url=url, limits=limits, sleep=no_wait)


@dataclass
class InMemoryRuns:
    """A run service over a store in memory."""

    service: RunService

    @classmethod
    def with_llm(cls, llm: LLM | None = None) -> InMemoryRuns:
        """Create a service whose runs use this LLM, or the offline one."""
        return cls(RunService(read_settings(), store=SqlStore.in_memory(), llm=llm))

    async def run(
        self, groups: Sequence[str], workflow: str = "oms", **brief: str
    ) -> dict[str, Any]:
        """Execute a run with these groups, and return its document."""
        return (await self.session(groups, workflow, **brief)).document()

    async def session(
        self, groups: Sequence[str], workflow: str = "oms", **brief: str
    ) -> RunSession:
        """Execute a run with these groups, and return its session."""
        fields = {"idea": IDEA, **brief}
        session = await self.service.start(RunOptions(brief=fields, groups=groups), workflow)
        await session.advance()
        return session


def prompts_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return every prompt of a document by its model."""
    return {k: v for each in document["prompts"].values() for k, v in each.items()}
