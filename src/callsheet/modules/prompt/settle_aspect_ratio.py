"""Settles a run's aspect ratio: as it was said or chosen before, or else left to the LLM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.catalog.ratios import offered_ratios
from callsheet.modules.contract import Done, Module, ModuleContext, Outcome, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

ASPECT_RATIO = "aspect_ratio"

SELECTION_PREFIX = "groups."
"""What the key of a question about model groups begins with."""


class Inputs(Values):
    """The ratio of the brief, empty where it is open, and what the run has chosen so far.

    `selected_groups` are those whose prompts are written now.
    """

    said: str | None = None
    chosen: dict[str, str] | None = None
    selected_groups: list[str]


class Outputs(Values):
    """The ratio, empty while it is open; then `choices` has the ratios to choose from, by name.

    Without groups, nothing is to be chosen.
    """

    aspect_ratio: str
    choices: dict[str, list[str]]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Offers the ratios that all groups of the run share, those of later steps included."""
    ratio = inputs.said or (inputs.chosen or {}).get(ASPECT_RATIO, "")
    if ratio or not inputs.selected_groups:
        return Done(Outputs(aspect_ratio=ratio, choices={}))
    chosen = {*inputs.selected_groups, *_selected_later(context)}
    groups = [group for group in context.resources.catalog.groups() if group.name in chosen]
    offered = offered_ratios([group.aspect_ratios for group in groups])
    return Done(Outputs(aspect_ratio="", choices={ASPECT_RATIO: offered}))


def _selected_later(context: ModuleContext) -> Iterator[str]:
    """The groups that were named beforehand for steps that have not begun."""
    for key, names in context.preset_answers.items():
        if key.startswith(SELECTION_PREFIX) and isinstance(names, list):
            yield from (str(name).partition("/")[0] for name in names)


module = Module(Inputs, Outputs, run, repeatable=True)
