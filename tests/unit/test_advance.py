"""What a module did is stored before another one begins, and no more often than that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet.engine.advance import RunContext, advance
from callsheet.engine.journal import Journal
from callsheet.engine.run_view import RunView
from callsheet.events import RunStarted
from callsheet.llm.offline import OfflineLLM
from callsheet.loader.bundle import load_workflow
from callsheet.modules.contract import ModuleContext, Outcome
from callsheet.modules.prompt import template
from callsheet.store.port import Lease
from tests.support.counting_store import CountingStore

NAMES = ("scene", "light", "lens")


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def new_run(store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many modules are stored as each one begins; they are templates that may not run twice."""
    found: list[int] = []

    async def run(inputs: Any, context: ModuleContext) -> Outcome:
        found.append(store.modules)
        return await template.run(inputs, context)

    once = replace(template.module, run=run, repeatable=False)
    monkeypatch.setattr(template, "module", once)
    return found


async def _carry_out(store: CountingStore, folder: Path) -> RunView:
    modules = [
        {
            "module_id": "prompt.template",
            "inputs": {"template": f"The {name}."},
            "outputs_to_state": {"rendered": name},
        }
        for name in NAMES
    ]
    step = {"step_id": "only", "modules": modules}
    workflow = {"workflow_id": "three", "name": "Three", "steps": [step]}
    (folder / "workflow.json").write_text(json.dumps(workflow))
    bundle = load_workflow(str(folder))
    digest, files = bundle.manifest()
    journal = Journal(store, Lease("run", "me", 1), RunView("run"))
    started = RunStarted(workflow="three", source=str(folder), manifest=digest, llm="offline")
    journal.create("three", started, files)
    view = await advance(journal, RunContext(bundle.definition, bundle.resources, OfflineLLM()))
    await journal.release()
    return view


async def test_a_module_is_stored_before_the_next_starts_and_the_end_of_the_run_with_the_last(
    store: CountingStore, new_run: list[int], tmp_path: Path
) -> None:
    view = await _carry_out(store, tmp_path)
    assert view.status == "succeeded"
    assert new_run == [0, 1, 2]
    assert store.commits == [1, 2, 3]
    kinds = [fact.event.kind for fact in await store.events("run")]
    assert kinds[-3:] == ["output_written", "step_finished", "run_finished"]


async def test_modules_that_may_run_again_are_stored_with_the_runs_end(
    store: CountingStore, tmp_path: Path
) -> None:
    view = await _carry_out(store, tmp_path)
    assert view.status == "succeeded"
    assert store.commits == [3]
