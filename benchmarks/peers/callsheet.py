"""callsheet's own engine on its own store: a workflow of six modules, from its first fact to its last."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contest import FILLED, IDEA, LAST, Ask, Given, Opened, compete
from benchmarks.peers.guests import SCHEMA, SYSTEM, install
from callsheet.engine.advance import RunContext, advance
from callsheet.engine.journal import Journal
from callsheet.engine.run_view import RunView
from callsheet.events import RunStarted
from callsheet.llm.port import Reply, Request, Usage
from callsheet.loader.bundle import WorkflowBundle, load_workflow
from callsheet.store import sql, sqlite
from callsheet.store.port import Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from callsheet.llm.port import TextListener


class Loopback:
    """The door to the loopback server."""

    spec = "loopback"

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        """The server's reply to the message."""
        del on_text
        text = await self._ask(request.user)
        return Reply(json.dumps({"text": text}), "stop", Usage(100, 0, 100, 0.0), self.spec)


def _guest(name: str) -> dict[str, object]:
    """A module that does what the other contenders do, with the same functions."""
    if name == "reply":
        use = {"module_id": "contest.ask", "inputs": {"message": "$state.message"}}
    else:
        inputs = {"name": name, "values": _values(name)}
        use = {"module_id": "contest.fill", "inputs": inputs}
    return {**use, "outputs_to_state": {"text": name}}


def _own(name: str) -> dict[str, object]:
    """A module of callsheet's own: a template, or a reply that is checked against its schema."""
    if name == "reply":
        inputs = {
            "system_message": SYSTEM,
            "user_message": "$state.message",
            "output_schema": SCHEMA,
        }
        return {
            "module_id": "api.llm",
            "inputs": inputs,
            "outputs_to_state": {"response": "reply"},
        }
    return {
        "module_id": "prompt.template",
        "inputs": {
            "template": re.sub(r"{(\w+)}", r"{{ \1 }}", FILLED[name]),
            "variables": _values(name, reply="$state.reply.text"),
        },
        "outputs_to_state": {"rendered": name},
    }


def _values(name: str, reply: str = "$state.reply") -> dict[str, str]:
    """What a module's text is filled with: the idea, and what modules before it wrote."""
    known = {"idea": IDEA, "reply": reply}
    read = re.findall(r"{(\w+)}", FILLED[name])
    return {each: known.get(each, f"$state.{each}") for each in read}


def _bundle(folder: Path, *, guests: bool) -> WorkflowBundle:
    """The six modules as a workflow file, checked as any other."""
    step = {"step_id": "only", "modules": [(_guest if guests else _own)(name) for name in FILLED]}
    workflow = {"workflow_id": "six", "name": "Six modules", "steps": [step]}
    (folder / "workflow.json").write_text(json.dumps(workflow), "utf-8")
    return load_workflow(str(folder))


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    sqlite.WAL_SAFE = (0,) if given.journal == "wal" else (99,)
    store = sql.SqlStore(given.file)
    with tempfile.TemporaryDirectory() as folder:
        guests = given.option == "guests"
        if guests:
            install(Path(folder))
        bundle = _bundle(Path(folder), guests=guests)
    digest, files = bundle.manifest()
    started = RunStarted(
        workflow=bundle.name, source=bundle.source, manifest=digest, llm=Loopback.spec
    )
    cast = RunContext(bundle.definition, bundle.resources, Loopback(ask))

    async def run(name: str) -> str:
        journal = Journal(store, Lease(name, "benchmark", 1), RunView(name))
        journal.create(bundle.name, started, files)
        view = await advance(journal, cast)
        await journal.release()
        if view.status != "succeeded":
            raise RuntimeError(f"the run {name} is {view.status}: {view.error}")
        return str(view.state[LAST])

    yield Opened(run, given.journal, given.synchronous)
    store.close()


if __name__ == "__main__":
    compete(opened)
