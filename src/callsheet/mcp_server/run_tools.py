"""What an assistant does with runs: begin one, submit what it wrote, show, search, retry, export."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import InputError
from callsheet.exports.registry import render_export, skipped_prompts
from callsheet.llm.providers import writes_drafts
from callsheet.loader.bundle import load_workflow
from callsheet.mcp_server.group_tools import workflow_of
from callsheet.mcp_server.replies import PASTE, state_text
from callsheet.questions import MAX_PASTE
from callsheet.runs.listing import RunFilter, RunListing
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from callsheet.activity import Activity
    from callsheet.runs.session import RunSession
    from callsheet.settings import Settings

MAX_FOUND = 20
"""Runs that a search lists."""

WAITING = ("waiting", "succeeded", "stopped")
"""Statuses in which a run is answered or shown as it is; any other is resumed first."""


@dataclass(frozen=True)
class WritingRequest:
    """What to write: the idea, for which groups, and what else was said. An empty text is unsaid."""

    idea: str
    groups: Sequence[str] = ()
    brief: Mapping[str, str] = field(default_factory=dict)
    workflow: str = ""
    still: str = ""

    def options(self, llm: str | None) -> RunOptions:
        """The options of a run: whatever has a default takes it, for nobody sits at a terminal."""
        return RunOptions(
            llm=llm,
            brief={**self.brief, "idea": self.idea},
            groups=tuple(self.groups),
            still=self.still or None,
            accept_defaults=True,
        )


class RunTools:
    """The runs of one store, as an assistant sees them: every answer is a text.

    Raises CallsheetError as the run meets it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.service = RunService(settings)

    async def begin(self, request: WritingRequest) -> str:
        """Start a run whose prompts the assistant writes, and return what it has to write."""
        session = await self.service.start(
            request.options(PASTE), workflow_of(request.groups, request.workflow)
        )
        return await self._advanced(session)

    async def submit(self, run: str, reply: str) -> str:
        """Judge a reply; return the prompts, or the findings and what is still to be written."""
        if len(reply) > MAX_PASTE:
            raise InputError(
                f"the reply has {len(reply):,} characters; the limit is {MAX_PASTE:,}",
                hint="submit the JSON alone",
            )
        async with self._open(run) as session:
            if session.view.status not in WAITING:
                # A run that failed or was cut off asks again for what is missing, of the assistant.
                session = await self.service.resume(session.view.run, RunOptions(llm=PASTE))  # noqa: PLW2901
                await session.advance()
                if not reply.strip("{} \n"):
                    return state_text(session.document(), session.view.question)
            question = session.view.question
            if question is None:
                return state_text(session.document(), None)
            listed = question.kind == "choices"
            await session.answer([part.strip() for part in reply.split(",")] if listed else reply)
            return await self._advanced(session)

    async def write(
        self,
        request: WritingRequest,
        llm: str,
        on_activity: Callable[[Activity], None] | None = None,
    ) -> str:
        """Have the configured LLM write everything in one call, and return the prompts."""
        spec = llm or self.settings.llm or ""
        if not spec:
            raise InputError(
                "no LLM is configured",
                hint="call `begin` and write the prompts yourself, or name an `llm` whose key is set",
            )
        session = await self.service.start(
            request.options(spec), workflow_of(request.groups, request.workflow)
        )
        session.on_activity = on_activity
        text = await self._advanced(session)
        return (
            f"{text}\n\nThese are offline drafts, no LLM wrote them."
            if writes_drafts(spec)
            else text
        )

    async def show(self, run: str) -> str:
        """Return a run as it stands, with what it waits for."""
        async with self._open(run) as session:
            document = await self.service.show(session.view.run)
            return state_text(document, session.view.question)

    async def retry(
        self, run: str, groups: Sequence[str], rewrite: Sequence[str], wish: str = ""
    ) -> str:
        """Ask for further groups, or for some prompts anew, and for nothing else."""
        if not groups and not rewrite:
            raise InputError(
                "nothing was named to write", hint="name `groups` to add, or models to `rewrite`"
            )
        options = RunOptions(
            llm=PASTE,
            groups=(*await self._chosen_beside(run, groups), *groups) or None,
            rewrite=tuple(rewrite),
            wish=wish,
            accept_defaults=True,
        )
        return await self._advanced(await self.service.retry(run, options))

    async def _chosen_beside(self, run: str, groups: Sequence[str]) -> list[str]:
        """What a run has in the categories of these groups, for a retry selects anew."""
        document, view = await self.service.show(run), await self.service.view(run)
        catalog = load_workflow(view.source).resources.catalog
        added = {catalog.group(each.partition("/")[0]).category for each in groups}
        chosen = [document.models, document.planned_models or {}]
        models = [m for by_category in chosen for each in added for m in by_category.get(each, ())]
        return [f"{catalog.group_of(model).name}/{model}" for model in models]

    async def search(self, words: str) -> str:
        """List the newest runs whose brief, prompts, title or note have these words."""
        listing = RunListing(self.service.store)
        found, _ = await listing.page(RunFilter(words), limit=MAX_FOUND)
        if not found:
            return "No run matches." if words else "There are no runs yet."
        return "\n".join(f"{each['run']} ({each['status']}): {each['title']}" for each in found)

    async def export(self, run: str, form: str) -> str:
        """Return the prompts of a run in a format of another tool."""
        prompts = await self.service.prompt_set(run)
        text = render_export(form, prompts)
        if skipped := skipped_prompts(form, prompts):
            text += f"\n\nNot in this format: {', '.join(skipped)}"
        return text

    @asynccontextmanager
    async def _open(self, run: str) -> AsyncIterator[RunSession]:
        session = await self.service.open(run)
        try:
            yield session
        finally:
            await session.close()

    async def _advanced(self, session: RunSession) -> str:
        try:
            view = await session.advance()
            await session.write_receipt()
            return state_text(session.document(), view.question)
        finally:
            await session.close()
