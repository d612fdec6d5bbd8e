"""Carries out runs inside the test's own process: which LLM, which groups, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callsheet.app.runs import Office, Wish
from callsheet.app.session import Session
from callsheet.llm.client import Client
from callsheet.llm.policy import Limits
from callsheet.llm.port import LLM
from callsheet.settings import read_settings
from callsheet.store.memory import MemoryStore
from tests.support.strict_openai import StrictOpenAI

IDEA = "a woman reads by a rain-streaked window at dusk"


async def no_wait(seconds: float) -> None:
    """Stands for sleeping between tries."""


def client_of(server: StrictOpenAI, name: str = "any", tick: float = 0.25) -> Client:
    """The real client, speaking to a loopback server."""
    return client_at(server.url, name, tick)


def client_at(url: str, name: str = "any", tick: float = 0.25) -> Client:
    """The same, by the server's address."""
    limits = Limits(deadline=20, tick=tick)
    return Client("openai", name, base_url=url, limits=limits, sleep=no_wait)


@dataclass
class Desk:
    """An office over a store in memory."""

    office: Office

    @classmethod
    def with_llm(cls, llm: LLM | None = None) -> Desk:
        """A desk whose runs are written by this LLM, or by the offline one."""
        return cls(Office(read_settings(), store=MemoryStore(), llm=llm))

    async def run(
        self, groups: Sequence[str], workflow: str = "oms", **brief: str
    ) -> dict[str, Any]:
        """The document of a run with these groups, carried out to its end."""
        return (await self.session(groups, workflow, **brief)).document()

    async def session(self, groups: Sequence[str], workflow: str = "oms", **brief: str) -> Session:
        """The same, still held."""
        told = {"idea": IDEA, **brief}
        session = await self.office.start(Wish(brief=told, groups=groups), workflow)
        await session.go_on()
        return session


def prompts_of(document: dict[str, Any]) -> dict[str, Any]:
    """Every prompt of a document by its model."""
    return {k: v for each in document["prompts"].values() for k, v in each.items()}
