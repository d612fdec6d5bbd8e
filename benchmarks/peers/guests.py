"""The contest's modules as a guest's package brings them: the functions that the others run, too.

callsheet finds them as it finds any guest's, by the entry points of what is installed.
"""

from __future__ import annotations

import json
import sys
from importlib import invalidate_caches
from typing import TYPE_CHECKING

from benchmarks.peers.contest import fill
from callsheet.llm.port import Reply, Request
from callsheet.modules.contract import Ask, Done, Module, ModuleContext, Outcome, Values
from callsheet.modules.registry import GUESTS

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = "You write prompts."

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


class Filled(Values):
    """Which of the six modules it is, and the texts that it puts in."""

    name: str
    values: dict[str, str]


class Message(Values):
    """What the LLM is told."""

    message: str


class Written(Values):
    """What the module wrote."""

    text: str


async def _fill(inputs: Filled, context: ModuleContext) -> Outcome:
    del context
    return Done(Written(text=fill(inputs.name, inputs.values)))


async def _ask(inputs: Message, context: ModuleContext) -> Outcome:
    reply = await context.call(Request(SYSTEM, inputs.message, SCHEMA), False, _no_matter)  # noqa: FBT003  # no repair
    if not isinstance(reply, Reply):
        return Ask(reply)
    return Done(Written(text=json.loads(reply.text)["text"]))


async def _no_matter(so_far: str) -> None:
    del so_far


filling = Module(Filled, Written, _fill)

asking = Module(Message, Written, _ask)


def install(site: Path) -> None:
    """Makes them known as a package's that lies in this folder."""
    told = site / "contest-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: contest\nVersion: 1.0\n", "utf-8")
    points = f"[{GUESTS}]\ncontest.fill = {__name__}:filling\ncontest.ask = {__name__}:asking\n"
    (told / "entry_points.txt").write_text(points, "utf-8")
    sys.path.append(str(site))
    invalidate_caches()
