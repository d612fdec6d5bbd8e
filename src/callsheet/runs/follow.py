"""Opens runs that another process executes, to follow or observe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.engine.journal import read_view
from callsheet.errors import InputError
from callsheet.llm.factory import UnavailableLLM
from callsheet.loader.bundle import load_stored
from callsheet.store.owners import describe_owner, has_live_owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession


async def is_with_workers(service: RunService, run: str) -> bool:
    """Return whether workers execute the run, or are about to."""
    dispatcher = service.dispatcher()
    return dispatcher is not None and await dispatcher.has_run(run)


async def describe_holder(service: RunService, run: str) -> str:
    """Describe who executes a run right now; an empty text where nobody does."""
    row = await service.store.run(run)
    if has_live_owner(row):
        return describe_owner(row.owner)
    return "the next worker that has a place" if await is_with_workers(service, run) else ""


async def follow(service: RunService, name: str) -> RunSession | None:
    """Open a run that workers execute, to follow it; None where no worker has it."""
    run = await service.find(name)
    if not await is_with_workers(service, run):
        return None
    session = await service.open(run)
    session.holder = await describe_holder(service, run)
    return session


async def observe(
    service: RunService, name: str, listen: Callable[[RecordedEvent, RunView], None] | None = None
) -> RunSession:
    """Open a run to observe it and nothing more, whoever executes it; no key is needed."""
    run = await service.find(name)
    view = await read_view(service.store, run)
    bundle = await load_stored(service.store, view.manifest)
    llm = UnavailableLLM(view.llm, InputError(f"the run {run} is only observed here"))
    session = service.session_without_lease(view, bundle, llm, listen)
    session.holder = await describe_holder(service, run)
    return session
