"""What a module is: inputs and outputs with types, and a `run` that answers what happened.

A module's file ends with `module = Module(...)`. It knows no other module, no engine and no store;
what it may touch is handed to it on the stage.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, JsonValue

if TYPE_CHECKING:
    from callsheet.catalog.groups import Catalog
    from callsheet.errors import Problem
    from callsheet.llm.port import Reply, Request, TextListener
    from callsheet.questions import Question
    from callsheet.workflow.folder import WorkflowFolder


class Values(BaseModel):
    """A module's inputs or outputs: frozen, and a name nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


@dataclass(frozen=True)
class Resources:
    """What a module may look at: the workflow's files and the model groups."""

    files: WorkflowFolder
    catalog: Catalog


async def _ignore_values(values: Mapping[str, JsonValue]) -> None:
    """For stages where nothing outlives the module."""
    del values


@dataclass(frozen=True)
class ModuleContext:
    """What a module may touch while it runs.

    `answers` are a person's answers to this module's questions in this attempt, by key. `call`
    asks the LLM, and is recorded: a module that is run again gets the same replies without paying;
    what is written so far is told on the way.
    `note` tells the person something. `save_values` records values that are finished although the module
    is not, by path; `values` are those of an earlier, failed go at this attempt. `llm` is the
    LLM's spec, and `rewrite` what is to be written again even where it still fits.
    """

    resources: Resources
    step: str
    answers: Mapping[str, JsonValue]
    call: Callable[[Request, bool, TextListener], Awaitable[Reply | Question]]
    note: Callable[[str], None]
    save_values: Callable[[Mapping[str, JsonValue]], Awaitable[None]] = _ignore_values
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    llm: str = ""
    rewrite: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Done:
    """The module finished with these outputs."""

    outputs: Values


@dataclass(frozen=True)
class Ask:
    """A person must answer first; the module runs again with the answer."""

    question: Question


@dataclass(frozen=True)
class GoTo:
    """The run goes on with a new attempt of `step`, this one or an earlier."""

    step: str


@dataclass(frozen=True)
class Skip:
    """There is nothing to do in this step, because of `reason`; outputs may say so to others."""

    reason: str
    outputs: Values | None = None


@dataclass(frozen=True)
class Stop:
    """A person wants the run to end here."""


Outcome = Done | Ask | GoTo | Skip | Stop

StaticInputs = Mapping[str, JsonValue]
"""Inputs as the workflow file writes them, `$state` references unread."""


def _nothing(inputs: StaticInputs, resources: Resources) -> tuple[()]:
    del inputs, resources
    return ()


@dataclass(frozen=True)
class Module:
    """A module: its form, its `run`, and what can be known of its use before a run.

    `asks` lists the questions it may ask, so that answers can be told beforehand. `check` finds
    what is wrong with its inputs; a problem's path is relative to the inputs, its file is empty
    where it stands in the workflow's own. `paths` names the inputs that are file paths: they must
    be written out, never read from the state. `repeatable` says that running it once more costs
    nobody anything and ends the same: what it wrote is stored with what comes next, not by itself.
    """

    inputs: type[Values]
    outputs: type[Values]
    run: Callable[[Any, ModuleContext], Awaitable[Outcome]]
    asks: Callable[[StaticInputs, Resources], Iterable[Question]] = _nothing
    check: Callable[[StaticInputs, Resources], Iterable[Problem]] = _nothing
    paths: tuple[str, ...] = field(default=())
    repeatable: bool = False
