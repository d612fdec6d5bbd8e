"""Carries out runs inside the test's own process: which LLM, which groups, what came of it."""

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
    """Stands for sleeping between tries."""


def client_of(server: StrictOpenAI, name: str = "any", tick: float = 0.25) -> ProviderLLM:
    """The real client, speaking to a loopback server."""
    return client_at(server.url, name, tick)


def client_at(url: str, name: str = "any", tick: float = 0.25) -> ProviderLLM:
    """The same, by the server's address."""
    limits = CallLimits(deadline=20, text_interval=tick)
    return ProviderLLM("openai", name, base_url=url, limits=limits, sleep=no_wait)


@dataclass
class Desk:
    """An office over a store in memory."""

    service: RunService

    @classmethod
    def with_llm(cls, llm: LLM | None = None) -> Desk:
        """A desk whose runs are written by this LLM, or by the offline one."""
        return cls(RunService(read_settings(), store=SqlStore.in_memory(), llm=llm))

    async def run(
        self, groups: Sequence[str], workflow: str = "oms", **brief: str
    ) -> dict[str, Any]:
        """The document of a run with these groups, carried out to its end."""
        return (await self.session(groups, workflow, **brief)).document()

    async def session(
        self, groups: Sequence[str], workflow: str = "oms", **brief: str
    ) -> RunSession:
        """The same, still held."""
        told = {"idea": IDEA, **brief}
        session = await self.service.start(RunOptions(brief=told, groups=groups), workflow)
        await session.advance()
        return session


def prompts_of(document: dict[str, Any]) -> dict[str, Any]:
    """Every prompt of a document by its model."""
    return {k: v for each in document["prompts"].values() for k, v in each.items()}
