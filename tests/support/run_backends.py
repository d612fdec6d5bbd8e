"""Where a story's runs are kept: in memory, in a file, on a server; and who carries them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from callsheet.engine.run_view import RunView
from callsheet.events import RecordedEvent
from callsheet.llm.port import LLM
from callsheet.runs.service import RunService
from callsheet.settings import Settings
from callsheet.store.port import Store
from tests.support.runs import client_of
from tests.support.strict_openai import StrictOpenAI

NOT_RUNS = ("callsheet_meta", "workers")
"""The tables that say nothing of runs."""


@dataclass(frozen=True)
class RunBackend:
    """A store, and the settings that go with it; with `workers`, it is they who carry runs on."""

    store: Store
    settings: Settings
    workers: bool = False

    def service(
        self,
        llm: StrictOpenAI | LLM | None = None,
        listen: Callable[[RecordedEvent, RunView], None] | None = None,
    ) -> RunService:
        """An office here, whose runs are written by this server, this LLM, or the offline one."""
        settings = self.settings
        if isinstance(llm, StrictOpenAI) and self.workers:
            # A worker is told by name and address; an object stays in its process.
            settings = replace(settings, llm="openai:any", base_url=llm.url)
            llm = None
        elif isinstance(llm, StrictOpenAI):
            llm = client_of(llm)
        return RunService(settings, store=self.store, llm=llm, listen=listen)


def forget_runs(url: str) -> None:
    """Empties a database, except for what it knows of its workers."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'callsheet'"
        ).fetchall()
        for (table,) in tables:
            if table not in NOT_RUNS:
                connection.execute(
                    sql.SQL("delete from callsheet.{}").format(sql.Identifier(table))
                )


def handed_on(url: str) -> list[str]:
    """The runs in a database that workers were brought, each as often as they were."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select run from callsheet.runs join dbos.workflow_status"
            " on split_part(workflow_uuid, ':', 1) = run"
        )
        return [str(run) for (run,) in rows]
