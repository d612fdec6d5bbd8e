"""A run that is kept, as it stands: its document, and the sheet of its prompts that can leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.app.exporting.sheet import sheet_of
from callsheet.app.exporting.table import fitting
from callsheet.app.productions import open_kept
from callsheet.app.receipts import receipt_of
from callsheet.app.results import at_work, attempts_of, document_of
from callsheet.events import Noted, RunRetried, RunStarted, StepFinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.app.exporting.sheet import Sheet
    from callsheet.engine.view import View
    from callsheet.events import Recorded
    from callsheet.store.port import Store


async def shown(
    store: Store, view: View, facts: Sequence[Recorded], status: str
) -> tuple[dict[str, Any], Sheet]:
    """The document of a run, each attempt of its steps as it ended, and its sheet."""
    production = await open_kept(store, view.manifest)
    document = document_of(production, view, status, await receipt_of(store, view))
    sheet = sheet_of(document, production)
    if (writing := at_work(production, view)) is not None:
        document["at_work"] = writing
    more = {
        "started": view.started,
        "seq": view.seq,
        "attempts": attempts_of(production, facts),
        "exports": fitting(sheet),
        "pictures": _pictures(view),
        "notes": _notes(facts),
    }
    return document | more, sheet


def _pictures(view: View) -> dict[str, JsonValue]:
    """What is known of each picture that the person showed, by its question's key."""
    answers = [*view.said.values(), view.told]
    return {
        key: {name: known for name, known in value.items() if name != "hash"}
        for said in answers
        for key, value in said.items()
        if isinstance(value, dict) and "hash" in value
    }


def _notes(facts: Sequence[Recorded]) -> list[dict[str, JsonValue]]:
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
