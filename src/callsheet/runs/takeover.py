"""Takes over queued runs in a worker: acquires the lease, and records where an earlier worker died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.engine.journal import Journal, read_view
from callsheet.errors import CallsheetError
from callsheet.llm.factory import LLMCache, UnavailableLLM
from callsheet.llm.port import LaterLLM
from callsheet.loader.bundle import load_stored
from callsheet.runs.service import RunService
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import owner_name
from callsheet.workers.crashes import count_crashes, record_crash

if TYPE_CHECKING:
    from callsheet.engine.run_view import RunView
    from callsheet.llm.port import LLM
    from callsheet.runs.session import RunSession
    from callsheet.settings import Settings
    from callsheet.store.port import Store


class Takeover:
    """Opens queued runs of one store, as a worker executes them; LLMs are opened once for all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._llms = LLMCache(settings)

    async def __call__(self, store: Store, run: str) -> RunSession:
        """The run, with its lease acquired; raises LeaseError where another process holds it."""
        # Each takeover is an owner of its own: even in this process, none continues another's run.
        service = RunService(self._settings, store=store, queue=None)
        crashed = bool((await store.run(run)).owner)
        lease = await acquire_lease(store, run, owner_name())
        try:
            journal = Journal(store, lease, await read_view(store, run))
            if crashed and journal.view.status == "running":
                before = count_crashes(await store.events(run))
                await journal.append(record_crash(journal.view, before))
            bundle = await load_stored(store, journal.view.manifest)
        except BaseException:
            await store.release(lease)
            raise
        return service.session(journal, bundle, self._llm_of(journal.view))

    def _llm_of(self, view: RunView) -> LLM:
        if view.in_jobs:
            # What waits for a job at half the price is never bought at the full one.
            return LaterLLM(view.llm)
        try:
            return self._llms.open(view.llm, view.base_url, view.call_options)
        except CallsheetError as error:
            # The error is recorded where the run first needs the LLM, so that everybody sees it.
            return UnavailableLLM(view.llm, error)
