"""Runs that others carry on, for one who only wants to see how they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.doors import Unopened, is_held, told_owner
from callsheet.app.productions import open_kept
from callsheet.app.workforce import open_workforce
from callsheet.engine.journal import read_view
from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from callsheet.app.runs import Office
    from callsheet.app.session import Session
    from callsheet.engine.view import View
    from callsheet.events import Recorded


async def is_with_workers(office: Office, run: str) -> bool:
    """Whether workers are carrying the run on, or are about to."""
    workforce = open_workforce(office.settings, office.store, office.queue)
    return workforce is not None and await workforce.has(run)


async def carrier(office: Office, run: str) -> str:
    """Who carries a run on right now, in words; nothing where nobody does."""
    row = await office.store.run(run)
    if is_held(row):
        return told_owner(row.owner)
    return "the next worker that has a place" if await is_with_workers(office, run) else ""


async def follow(office: Office, name: str) -> Session | None:
    """A run that workers carry on, to be followed as if they had been brought it from here.

    None where no worker has it: then it can be resumed.
    """
    run = await office.find(name)
    if not await is_with_workers(office, run):
        return None
    session = await office.open(run)
    session.carried_by = await carrier(office, run)
    return session


async def look(
    office: Office, name: str, listen: Callable[[Recorded, View], None] | None = None
) -> Session:
    """A run that is looked at and nothing more, whoever carries it on; no key is needed."""
    run = await office.find(name)
    view = await read_view(office.store, run)
    production = await open_kept(office.store, view.manifest)
    llm = Unopened(view.llm, InputError(f"the run {run} is only looked at here"))
    session = office.beside(view, production, llm, listen)
    session.carried_by = await carrier(office, run)
    return session
