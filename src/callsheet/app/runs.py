"""The verbs of a run: start, go on, answer, resume, retry, show, list, delete."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from callsheet.app.batches import as_lines, batch_of
from callsheet.app.crashes import after_death, deaths
from callsheet.app.doors import OFFLINE, LLMs, Unopened, is_held, open_llm, open_store, owner_name
from callsheet.app.names import name_for, new_name
from callsheet.app.productions import DEFAULT, Production, open_kept, open_production
from callsheet.app.retrying import (
    answers_before,
    finished_before,
    no_group_of,
    prompts_anew,
    step_to_retry,
)
from callsheet.app.session import Session, take
from callsheet.app.showing import shown
from callsheet.app.telling import check_picture, manner, tell
from callsheet.app.workforce import open_workforce
from callsheet.engine.journal import Journal, read_view
from callsheet.engine.view import View, fold
from callsheet.errors import CallsheetError, UnknownNameError
from callsheet.events import Manner, RunResumed, RunRetried, RunStarted
from callsheet.queue.port import PEOPLE_QUEUE
from callsheet.store.port import Lease, NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.app.exporting.sheet import Sheet
    from callsheet.events import Recorded
    from callsheet.llm.pace import Pace
    from callsheet.llm.port import LLM
    from callsheet.pictures import Picture
    from callsheet.settings import Settings
    from callsheet.store.port import RunRow, Store


MOST_NAMED = 10
"""Runs that are named where a name fits several."""


@dataclass(frozen=True)
class Wish:
    """What a person said beforehand, the same for a new run, a resumed and a retried one.

    What is None was not said: a new run takes the setting or the default, an old one its own. A
    retry goes on without the groups of the categories `without`.
    """

    llm: str | None = None
    base_url: str | None = None
    brief: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] | None = None
    picture: Picture | None = None
    max_cost: float | None = None
    rewrite: Sequence[str] = ()
    without: Sequence[str] = ()
    yes: bool = False
    review: bool = False
    once: str = ""


@dataclass(frozen=True)
class Ready:
    """What all runs of one wish share, opened once: the workflow, its files by hash, the LLM."""

    production: Production
    llm: LLM
    base_url: str | None
    digest: str
    contents: Mapping[str, str]


class Office:
    """Where runs are begun and kept on with: a store, the settings, and who listens to facts.

    `llm` replaces the LLM that would be opened by name; programs and tests hand theirs in. Runs are
    handed to workers by this `queue` where any are alive; by none, or with an LLM handed in, the
    office carries them on itself. Offices of one process may share the `LLMs` that they open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        llm: LLM | LLMs | None = None,
        listen: Callable[[Recorded, View], None] | None = None,
        queue: str | None = PEOPLE_QUEUE,
    ) -> None:
        self.settings = settings
        self.store = store or open_store(settings)
        self._llm = None if isinstance(llm, LLMs) else llm
        self._llms = llm if isinstance(llm, LLMs) else LLMs(settings)
        self._listen = listen
        self.owner = owner_name()
        self.queue = None if self._llm is not None else queue

    async def start(self, wish: Wish, workflow: str = DEFAULT) -> Session:
        """Begins a run; raises InputError before anything is kept where the wish does not fit."""
        ready = self.ready(wish, workflow)
        answers = tell(ready.production, wish.brief, wish.groups, wish.picture)
        if wish.picture is not None:
            check_picture(ready.production, answers)
        run = (await self._name_under(wish.once))[0] if wish.once else new_name()
        return self.begin(ready, answers, wish, run)

    def ready(self, wish: Wish, workflow: str = DEFAULT, pace: Pace | None = None) -> Ready:
        """Opens the workflow and the LLM of a wish; raises InputError where one is unfit."""
        production = open_production(workflow)
        spec, base_url = self.named(wish)
        llm = self._open(spec, base_url, pace)
        return Ready(production, llm, base_url, *production.manifest())

    def begin(
        self, ready: Ready, answers: Mapping[str, JsonValue], wish: Wish, run: str
    ) -> Session:
        """A new run of this name; nothing is kept before it is carried on."""
        production = ready.production
        started = RunStarted(
            workflow=production.name,
            source=production.source,
            manifest=ready.digest,
            llm=ready.llm.spec,
            base_url=ready.base_url,
            max_cost=self._ceiling(wish),
            answers=dict(answers),
            manner=_manner(wish),
            once=wish.once,
        )
        journal = Journal(self.store, Lease(run, owner_name(), 1), View(run), self._listen)
        journal.begin(production.name, started, {**ready.contents, **_content(wish)})
        return self.session(journal, production, ready.llm)

    async def open(self, name: str) -> Session:
        """A run as it stands, held by nobody: it can be answered and followed."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        production = await open_kept(self.store, view.manifest)
        return self.beside(view, production, self._open(view.llm, view.base_url))

    async def resume(self, name: str, wish: Wish) -> Session:
        """Goes on with a run from its last fact, on the files that were kept with it."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        production = await open_kept(self.store, view.manifest)
        spec, base_url = self.named(wish, view)
        llm = self._open(spec, base_url)
        if view.question is not None and wish == Wish(once=wish.once):
            # It only waits for a person: whoever answers takes it.
            return await self.open(run)
        journal = await self._hold(run)
        parked = journal.view.until is not None and journal.view.until > time.time()
        if journal.view.status in ("running", "waiting", "failed") and not parked:
            kept, said = journal.view.manner, _manner(wish)
            both = Manner(accept=kept.accept + said.accept, ask=kept.ask + said.ask)
            resumed = RunResumed(
                llm=llm.spec,
                base_url=base_url,
                max_cost=self._ceiling(wish, view),
                manner=both,
                once=wish.once,
            )
            await journal.append(resumed)
        return self.session(journal, production, llm)

    async def retry(self, name: str, wish: Wish, step: str | None = None) -> Session:
        """Does a step of a run anew, and every later one, on today's files."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        production = open_production(view.source)
        told = tell(production, wish.brief, wish.groups, wish.picture)
        none = no_group_of(production, wish.without)
        chosen = step or step_to_retry(production, view, told, wish.rewrite, none)
        known = [each.step_id for each in production.document.workflow.steps]
        if chosen not in known:
            raise UnknownNameError("step", chosen, known)
        spec, base_url = self.named(wish, view)
        llm = self._open(spec, base_url)
        digest, contents = production.manifest()
        retried = RunRetried(
            step=chosen,
            manifest=digest,
            llm=llm.spec,
            base_url=base_url,
            max_cost=self._ceiling(wish, view),
            answers=answers_before(production, view, chosen, told, wish.rewrite) | none,
            anew=prompts_anew(production, wish.rewrite),
            finished=await self._finished(view),
            manner=_manner(wish, named=wish.picture is not None),
            once=wish.once,
        )
        journal = await self._hold(run)
        await journal.append(retried, files={**contents, **_content(wish)})
        return self.session(journal, production, llm)

    async def _finished(self, view: View) -> dict[str, JsonValue]:
        """What an attempt that was broken off had finished; only then are its own files read."""
        if not view.values:
            return {}
        return finished_before(view, await open_kept(self.store, view.manifest))

    async def pick_up(self, run: str) -> Session:
        """Holds a run that others have handed on, to carry it on as it stands; raises HeldError.

        Where a holder died in the middle of it, that is told in the run.
        """
        died = bool((await self.store.run(run)).owner)
        journal = await self._hold(run)
        try:
            if died and journal.view.status == "running":
                before = deaths(await self.store.events(run))
                await journal.append(after_death(journal.view, before))
            production = await open_kept(self.store, journal.view.manifest)
        except BaseException:
            await self.store.release(journal.lease)
            raise
        try:
            llm = self._open(journal.view.llm, journal.view.base_url)
        except CallsheetError as error:
            # It is recorded where the run needs the LLM, so that all who look find it.
            llm = Unopened(journal.view.llm, error)
        return self.session(journal, production, llm)

    async def show(self, name: str) -> dict[str, Any]:
        """The document of a run as it stands, and each attempt of its steps as it ended."""
        return (await self._shown(name))[0]

    async def sheet(self, name: str) -> Sheet:
        """A run's prompts as they stand, ready to be exported."""
        return (await self._shown(name))[1]

    async def view(self, name: str) -> View:
        """A run as it stands."""
        return await read_view(self.store, await self.find(name))

    async def runs(self) -> list[dict[str, Any]]:
        """All runs at a glance, newest first; a batch is one of them."""
        return as_lines(
            {
                "run": row.run,
                "workflow": row.workflow,
                "status": row_status(row),
                "started": row.started,
            }
            for row in await self.store.runs()
        )

    async def delete(self, name: str) -> str:
        """Forgets a run, or a batch with all its runs, for good; answers with its whole name."""
        if rows := await self.store.begun_with(f"{name}."):
            for row in rows:
                await take(self.store, row, owner_name())
                await self.store.delete(row)
            return name
        run = await self.find(name)
        # Whoever deletes must hold the run, so that nobody goes on writing to it.
        await take(self.store, run, owner_name())
        await self.store.delete(run)
        return run

    async def find(self, name: str) -> str:
        """The run of this name, the one run it begins, or the `last`; raises NoSuchRunError."""
        newest = await self.store.runs(limit=1)
        if not newest:
            raise NoSuchRunError("no run is kept yet", hint="`callsheet run` begins one")
        if name == "last":
            return await self._last(newest[0])
        found = await self.store.begun_with(name)
        if name in found:
            return name
        if len(found) > 1:
            raise NoSuchRunError(
                f"{name!r} begins {len(found)} runs",
                hint=f"one of: {', '.join(found[:MOST_NAMED])}"
                + (", …" if len(found) > MOST_NAMED else ""),
            )
        if not found:
            raise NoSuchRunError(f"there is no run {name!r}", hint="`callsheet runs` lists them")
        return found[0]

    async def _last(self, newest: RunRow) -> str:
        """The newest run that is a person's own, else the newest of a batch."""
        row = newest
        while batch_of(row.run):
            older = await self.store.runs(before=row, limit=1)
            if not older:
                return newest.run
            row = older[0]
        return row.run

    def named(self, wish: Wish, view: View | None = None) -> tuple[str, str | None]:
        """Which LLM, and at which address: what was said, else the run's own, else the settings."""
        if view is not None and wish.llm is None:
            return view.llm, wish.base_url or view.base_url
        spec = wish.llm or self.settings.llm or OFFLINE
        # Only OpenAI's form is spoken by servers of one's own; the others have their own address.
        own = self.settings.base_url if spec.startswith("openai:") else None
        return spec, wish.base_url or own

    def _ceiling(self, wish: Wish, view: View | None = None) -> float | None:
        """The most a run may cost: as said, else the run's own, else the setting."""
        if wish.max_cost is not None:
            return wish.max_cost
        return self.settings.max_cost if view is None else view.max_cost

    def _open(self, spec: str, base_url: str | None, pace: Pace | None = None) -> LLM:
        if self._llm is not None:
            return self._llm
        if pace is not None:
            return open_llm(spec, base_url=base_url, settings=self.settings, pace=pace)
        return self._llms.open(spec, base_url)

    def session(
        self, journal: Journal, production: Production, llm: LLM, *, held: bool = True
    ) -> Session:
        """A run to be carried on, here or by workers."""
        workforce = open_workforce(self.settings, self.store, self.queue)
        return Session(self.store, journal, production, llm, held=held, workforce=workforce)

    def beside(
        self,
        view: View,
        production: Production,
        llm: LLM,
        listen: Callable[[Recorded, View], None] | None = None,
    ) -> Session:
        """A run that is left to those who hold it, or to whoever takes it."""
        lease = Lease(view.run, owner_name(), 0)
        journal = Journal(self.store, lease, view, listen or self._listen)
        return self.session(journal, production, llm, held=False)

    async def _hold(self, run: str) -> Journal:
        lease = await take(self.store, run, owner_name())
        return Journal(self.store, lease, await read_view(self.store, run), self._listen)

    async def begun_under(self, once: str) -> str | None:
        """The run that was begun under this key, if there is one."""
        name, begun = await self._name_under(once)
        return name if begun else None

    async def _name_under(self, once: str) -> tuple[str, bool]:
        """The name of the run of this key, and whether it has begun; chance may give it to another."""
        for number in count():
            name = name_for(once, number)
            try:
                row = await self.store.run(name)
            except NoSuchRunError:
                return name, False
            if json.loads(row.first).get("once") == once:
                return name, True
        raise AssertionError("numbers do not end")

    async def _shown(self, name: str) -> tuple[dict[str, Any], Sheet]:
        run = await self.find(name)
        facts = await self.store.events(run)
        view = fold(run, facts)
        return await shown(self.store, view, facts, await self._status(view))

    async def _status(self, view: View) -> str:
        row = await self.store.run(view.run)
        return row_status(row) if view.status == "running" else view.status


def _manner(wish: Wish, *, named: bool = False) -> Manner:
    """How questions are treated; `named` where it is said in other words what is to be done."""
    named = named or wish.groups is not None or bool(wish.rewrite or wish.without)
    return manner(told_groups=named, yes=wish.yes, review=wish.review)


def _content(wish: Wish) -> dict[str, str]:
    """The file that is kept for what a person showed."""
    return {wish.picture.hash: wish.picture.base64} if wish.picture else {}


def row_status(row: RunRow) -> str:
    """How a run stands, by its last fact and whether anyone alive holds it."""
    match row.last:
        case "run_finished":
            return row.result
        case "run_failed":
            return "failed"
        case "question_asked" | "run_parked":
            return "waiting"
        case _:
            return "running" if is_held(row) else "interrupted"
