"""A run that is kept, as it stands: its document, and the sheet of its prompts that can leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.costs.receipt_writer import write_receipt
from callsheet.events import Noted, RunRetried, RunStarted, StepFinished
from callsheet.exports.prompt_set import prompt_set
from callsheet.exports.registry import available_exports
from callsheet.loader.bundle import load_stored
from callsheet.runs.document import list_attempts, run_document, work_in_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent
    from callsheet.exports.prompt_set import PromptSet
    from callsheet.store.port import Store


async def run_details(
    store: Store, view: RunView, facts: Sequence[RecordedEvent], status: str
) -> tuple[dict[str, Any], PromptSet]:
    """The document of a run, each attempt of its steps as it ended, and its sheet."""
    bundle = await load_stored(store, view.manifest)
    receipt = await write_receipt(store, view) if view.usage.tokens else None
    document = run_document(bundle, view, status, receipt)
    sheet = prompt_set(document, bundle)
    if (writing := work_in_progress(bundle, view)) is not None:
        document["at_work"] = writing
    more = {
        "started": view.started,
        "seq": view.seq,
        "attempts": list_attempts(bundle, facts),
        "exports": available_exports(sheet),
        "pictures": _images(view),
        "notes": _notes(facts),
    }
    return document | more, sheet


def _images(view: RunView) -> dict[str, JsonValue]:
    """What is known of each picture that the person showed, by its question's key."""
    answers = [*view.answers_by_step.values(), view.preset_answers]
    return {
        key: {name: known for name, known in value.items() if name != "hash"}
        for said in answers
        for key, value in said.items()
        if isinstance(value, dict) and "hash" in value
    }


def _notes(facts: Sequence[RecordedEvent]) -> list[dict[str, JsonValue]]:
    """What was told on the way since the run last set out, and why steps were skipped."""
    found: list[dict[str, JsonValue]] = []
    for each in facts:
        match each.event:
            case RunStarted() | RunRetried():
                found.clear()
            case Noted(step=step, text=text):
                found.append({"step": step, "text": text, "at": each.at})
            case StepFinished(step=step, result="skipped", reason=text):
                found.append({"step": step, "text": f"{text}: that step is skipped", "at": each.at})
            case _:
                pass
    return found
