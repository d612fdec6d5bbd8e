"""Starts, resumes, retries, shows, lists and deletes runs."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from callsheet.engine.journal import Journal, read_view
from callsheet.engine.run_view import RunView, fold
from callsheet.errors import StorageError, UnknownNameError
from callsheet.events import QuestionPolicy, RunResumed, RunRetried, RunStarted
from callsheet.llm.factory import LLMCache, check_options
from callsheet.llm.port import LaterLLM
from callsheet.llm.providers import DEFAULT_LLM, provider_of
from callsheet.loader.bundle import DEFAULT_WORKFLOW, WorkflowBundle, load_stored, load_workflow
from callsheet.runs.inputs import check_image_used, check_still, parse_inputs
from callsheet.runs.listing import EVERY_RUN, RunFilter, RunListing, row_status
from callsheet.runs.names import batch_of, name_for, new_name
from callsheet.runs.options import (
    RunOptions,
    call_options,
    image_files,
    limits_for,
    policy_for,
)
from callsheet.runs.retry import (
    brief_step,
    deselected_answers,
    finished_prompts,
    models_to_rewrite,
    preset_answers,
    prompts_to_change,
    reopened,
    step_to_retry,
    with_valid_still,
)
from callsheet.runs.session import RunSession, open_journal
from callsheet.store.factory import open_store
from callsheet.store.owners import owner_name
from callsheet.store.port import NO_LIMIT, Lease, NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import JsonValue

    from callsheet.call_options import CallOptions
    from callsheet.documents import RunDocument
    from callsheet.events import Event, RecordedEvent
    from callsheet.exports.prompt_set import PromptSet
    from callsheet.llm.concurrency import ConcurrencyLimiter
    from callsheet.llm.port import LLM
    from callsheet.settings import Settings
    from callsheet.store.port import RunRow, Store
    from callsheet.workers.dispatcher import Dispatcher
    from callsheet.workers.queues import QueueName


MAX_LISTED = 10
"""Runs that an error lists where a name matches several."""


Asked = tuple[str, str | None, "CallOptions"]  # which LLM, at which base URL, and how


@dataclass(frozen=True)
class RunSetup:
    """What runs with the same options share: the workflow, its files by hash, the LLM."""

    bundle: WorkflowBundle
    llm: LLM
    base_url: str | None
    call_options: CallOptions
    digest: str
    contents: Mapping[str, str]


class RunService:
    """Starts, resumes and retries the runs of one store, and reports each event to `listen`.

    `llm` replaces the LLM that would be opened by name, as programs and tests need; an `LLMCache`
    is shared by services of one process. Runs go to workers through this `queue` where any are
    alive; without a queue, or with an LLM of the caller's own, this process executes them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        llm: LLM | LLMCache | None = None,
        listen: Callable[[RecordedEvent, RunView], None] | None = None,
        queue: QueueName | None = "people",
    ) -> None:
        self.settings = settings
        self.store = store or open_store(settings)
        self._llm = None if isinstance(llm, LLMCache) else llm
        self._llms = llm if isinstance(llm, LLMCache) else LLMCache(settings)
        self._listen = listen
        self.owner = owner_name()
        self.queue = None if self._llm is not None else queue

    async def start(self, options: RunOptions, workflow: str = DEFAULT_WORKFLOW) -> RunSession:
        """Start a run; raises InputError before anything is stored where the options do not fit."""
        setup = self.prepare(options, workflow)
        answers = parse_inputs(
            setup.bundle, options.brief, options.groups, options.image, options.still
        )
        if options.image is not None:
            check_image_used(setup.bundle, answers)
        if options.still is not None:
            check_still(setup.bundle, options.still, answers)
        run = (
            (await self._name_for_key(options.idempotency_key))[0]
            if options.idempotency_key
            else new_name()
        )
        return self.begin(setup, answers, options, run)

    def prepare(
        self,
        options: RunOptions,
        workflow: str = DEFAULT_WORKFLOW,
        limiter: ConcurrencyLimiter | None = None,
    ) -> RunSetup:
        """Open the workflow and the LLM that runs with these options share; raises InputError."""
        bundle = load_workflow(workflow)
        llm, base_url, asked = self._llm_of(options, limiter=limiter)
        return RunSetup(bundle, llm, base_url, asked, *bundle.manifest())

    def begin(
        self, setup: RunSetup, answers: Mapping[str, JsonValue], options: RunOptions, run: str
    ) -> RunSession:
        """Create a run of this name; nothing is stored before it is advanced."""
        bundle = setup.bundle
        started = RunStarted(
            workflow=bundle.name,
            source=bundle.source,
            manifest=setup.digest,
            llm=setup.llm.spec,
            base_url=setup.base_url,
            **limits_for(options, self.settings),
            call_options=setup.call_options,
            answers=dict(answers),
            manner=policy_for(options),
            once=options.idempotency_key,
        )
        journal = Journal(self.store, Lease(run, owner_name(), 1), RunView(run), self._listen)
        journal.create(bundle.name, started, {**setup.contents, **image_files(options)})
        return self.session(journal, bundle, setup.llm)

    async def open(self, name: str) -> RunSession:
        """Open a run without acquiring its lease: it can be answered and followed."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        bundle = await load_stored(self.store, view.manifest)
        asked = (view.llm, view.base_url, view.call_options)
        llm = LaterLLM(view.llm) if view.in_jobs else self._open_llm(asked)
        return self.session_without_lease(view, bundle, llm)

    async def resume(self, name: str, options: RunOptions) -> RunSession:
        """Resume a run after its last event, with the workflow files that were stored with it."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        bundle = await load_stored(self.store, view.manifest)
        llm, base_url, asked = self._llm_of(options, view)
        if view.question is not None and options == RunOptions(
            idempotency_key=options.idempotency_key
        ):
            # It only waits for an answer: whoever answers acquires the lease.
            return await self.open(run)
        journal = await self._acquire(run)
        parked = journal.view.is_parked(time.time())
        if journal.view.status in ("running", "waiting", "failed") and not parked:
            old, new = journal.view.question_policy, policy_for(options)
            policy = QuestionPolicy(accept=old.accept + new.accept, ask=old.ask + new.ask)
            resumed = RunResumed(
                llm=llm.spec,
                base_url=base_url,
                **limits_for(options, self.settings, view),
                call_options=asked,
                manner=policy,
                once=options.idempotency_key,
            )
            await self._record(journal, resumed)
        return self.session(journal, bundle, llm)

    async def retry(self, name: str, options: RunOptions, step: str | None = None) -> RunSession:
        """Retry a step of a run, and every later one, with the current workflow files."""
        run = await self.find(name)
        view = await read_view(self.store, run)
        bundle = load_workflow(view.source)
        preset = parse_inputs(bundle, options.brief, options.groups, options.image, options.still)
        deselected = deselected_answers(bundle, options.deselected_categories)
        known = [each.step_id for each in bundle.definition.workflow.steps]
        if step is not None and step not in known:
            raise UnknownNameError("step", step, known)
        field_step, reset = brief_step(bundle, preset, step), reopened(bundle, view, preset)
        step = step or step_to_retry(bundle, view, preset, options.rewrite, deselected)
        rewrite = ("all",) if reset else options.rewrite
        llm, base_url, asked = self._llm_of(options, view)
        digest, contents = bundle.manifest()
        answers = preset_answers(bundle, view, step, preset, options.rewrite) | deselected
        retried = RunRetried(
            step=step,
            manifest=digest,
            llm=llm.spec,
            base_url=base_url,
            **limits_for(options, self.settings, view),
            answers=with_valid_still(bundle, view, answers, options.still),
            call_options=asked,
            anew=models_to_rewrite(bundle, rewrite),
            before=prompts_to_change(bundle, view, options),
            wish=options.wish.strip(),
            finished=await self._finished_prompts(view) | reset,
            manner=policy_for(options, named=bool(options.image or options.still or field_step)),
            once=options.idempotency_key,
        )
        journal = await self._acquire(run)
        await self._record(journal, retried, {**contents, **image_files(options)})
        return self.session(journal, bundle, llm)

    async def _finished_prompts(self, view: RunView) -> dict[str, JsonValue]:
        """Return what an interrupted attempt had finished; its own workflow files are read for that."""
        if not view.values:
            return {}
        return finished_prompts(view, await load_stored(self.store, view.manifest))

    async def show(self, name: str) -> RunDocument:
        """Return the document of a run, with each ended attempt of its steps."""
        return (await self._details(name))[0]

    async def prompt_set(self, name: str) -> PromptSet:
        """Return a run's prompts for export."""
        return (await self._details(name))[1]

    async def view(self, name: str) -> RunView:
        """Return the view of a run."""
        return await read_view(self.store, await self.find(name))

    async def runs(self, wanted: RunFilter = EVERY_RUN) -> list[dict[str, Any]]:
        """List the runs of a filter, newest first; without one, a batch is one entry."""
        listing = RunListing(self.store)
        if wanted == EVERY_RUN:
            found = await listing.every()
        else:
            found, _ = await listing.page(wanted, limit=NO_LIMIT)
        hidden = ("seq", "note_seq")
        return [{k: v for k, v in each.items() if k not in hidden} for each in found]

    async def delete(self, name: str) -> str:
        """Delete a run, or a batch with all its runs; returns its full name."""
        from callsheet.runs.deletion import delete_batch, delete_run

        if rows := await self.store.names_starting_with(f"{name}."):
            await delete_batch(self.store, name, rows)
            return name
        run = await self.find(name)
        await delete_run(self.store, run)
        return run

    async def find(self, name: str) -> str:
        """Return the full name for a name, a unique prefix, or `last`; raises NoSuchRunError."""
        newest = await self.store.runs(limit=1)
        if not newest:
            raise NoSuchRunError("no run is stored yet", hint="`callsheet run` starts one")
        if name == "last":
            return await self._last(newest[0])
        matches = await self.store.names_starting_with(name)
        if name in matches:
            return name
        if len(matches) > 1:
            raise NoSuchRunError(
                f"{name!r} begins {len(matches)} runs",
                hint=f"one of: {', '.join(matches[:MAX_LISTED])}"
                + (", …" if len(matches) > MAX_LISTED else ""),
            )
        if not matches:
            raise NoSuchRunError(f"there is no run {name!r}", hint="`callsheet runs` lists them")
        return matches[0]

    async def _last(self, newest: RunRow) -> str:
        """Return the newest run that belongs to no batch, else the newest of a batch."""
        row = newest
        while batch_of(row.run):
            older = await self.store.runs(before=row, limit=1)
            if not older:
                return newest.run
            row = older[0]
        return row.run

    def llm_for(self, options: RunOptions, view: RunView | None = None) -> tuple[str, str | None]:
        """Return LLM and base URL: from the options, else the run's own, else the settings."""
        if view is not None and options.llm is None:
            return view.llm, options.base_url or view.base_url
        spec = options.llm or self.settings.llm or DEFAULT_LLM
        provider = provider_of(spec)
        own = self.settings.base_url if provider and provider.reads_base_url_setting else None
        return spec, options.base_url or own

    def _llm_of(
        self,
        options: RunOptions,
        view: RunView | None = None,
        limiter: ConcurrencyLimiter | None = None,
    ) -> tuple[LLM, str | None, CallOptions]:
        """Return the LLM with its base URL and how it is asked."""
        spec, base_url = self.llm_for(options, view)
        asked = call_options(options, spec, self.settings, view)
        return self._open_llm((spec, base_url, asked), limiter), base_url, asked

    def _open_llm(self, asked: Asked, limiter: ConcurrencyLimiter | None = None) -> LLM:
        if self._llm is None:
            return self._llms.open(*asked, limiter)
        check_options(*asked)
        return self._llm

    def dispatcher(self) -> Dispatcher | None:
        """Return what hands runs to workers; None where there can be no workers, as on SQLite."""
        if self.queue is None or self.settings.database_url is None:
            return None
        # A run on SQLite imports nothing of the workers.
        from callsheet.workers.dispatcher import open_dispatcher

        return open_dispatcher(self.store, self.queue)

    def session(
        self, journal: Journal, bundle: WorkflowBundle, llm: LLM, *, has_lease: bool = True
    ) -> RunSession:
        """Open a session over a run, to be advanced here or by workers."""
        return RunSession(
            self.store, journal, bundle, llm, has_lease=has_lease, dispatcher=self.dispatcher()
        )

    def session_without_lease(
        self,
        view: RunView,
        bundle: WorkflowBundle,
        llm: LLM,
        listen: Callable[[RecordedEvent, RunView], None] | None = None,
    ) -> RunSession:
        """Open a session that leaves the lease to whoever has it, or acquires it later."""
        lease = Lease(view.run, owner_name(), 0)
        journal = Journal(self.store, lease, view, listen or self._listen)
        return self.session(journal, bundle, llm, has_lease=False)

    async def _acquire(self, run: str) -> Journal:
        return await open_journal(self.store, run, self._listen)

    async def _record(
        self, journal: Journal, event: Event, files: Mapping[str, str] | None = None
    ) -> None:
        """Store an event of a run that was just acquired; where that fails, release the run."""
        try:
            await journal.append(event, files=files)
        except StorageError:
            with suppress(StorageError):
                await self.store.release(journal.lease)
            raise

    async def find_by_key(self, key: str) -> str | None:
        """Return the run that was started with this idempotency key, if there is one."""
        name, exists = await self._name_for_key(key)
        return name if exists else None

    async def _name_for_key(self, once: str) -> tuple[str, bool]:
        """Return the run name for a key, and whether that run exists; hashes of two keys may collide.

        A blank and what follows it belong to the request and not to its key.
        """
        key = once.partition(" ")[0]
        for number in count():
            name = name_for(key, number)
            try:
                row = await self.store.run(name)
            except NoSuchRunError:
                return name, False
            if json.loads(row.first_event).get("once", "").partition(" ")[0] == key:
                return name, True
        raise AssertionError("count() never ends")

    async def _details(self, name: str) -> tuple[RunDocument, PromptSet]:
        # Starting a run imports nothing of the exports.
        from callsheet.runs.details import run_details

        run = await self.find(name)
        events = await self.store.events(run)
        view = fold(run, events)
        return await run_details(self.store, view, events, await self._status(view))

    async def _status(self, view: RunView) -> str:
        row = await self.store.run(view.run)
        return row_status(row) if view.status == "running" else view.status
