"""The interface of modules: typed inputs and outputs, and a `run` function that returns an outcome.

A module's file ends with `module = Module(...)`. It imports no other module, no engine and no store;
everything it may use is in its module context.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, JsonValue

from callsheet.fidelity import STRICT

if TYPE_CHECKING:
    from callsheet.catalog.groups import Catalog
    from callsheet.catalog.rules import Finding
    from callsheet.errors import Problem
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.llm.port import Reply, Request, TextListener
    from callsheet.questions import Question
    from callsheet.workflow.folder import WorkflowFolder


class Values(BaseModel):
    """A module's inputs or outputs: immutable; unknown names are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


@dataclass(frozen=True, eq=False)
class Resources:
    """What a module may read: the workflow's files and the model groups."""

    files: WorkflowFolder
    catalog: Catalog


def _ignore_text(finding: Finding, text: JsonValue) -> None:
    """For contexts in which nothing is stored."""
    del finding, text


async def _ignore_values(values: Mapping[str, JsonValue]) -> None:
    """For contexts in which nothing is stored."""
    del values


@dataclass(frozen=True)
class ModuleContext:
    """What a module may use while it runs.

    `answers` are a person's answers to this module's questions in this attempt, by key;
    `answered_by` says whether each came from a `person`, was `told` beforehand, or is the
    `default`. `call` asks the LLM, and is recorded: a module that is run again gets the same
    replies without paying; what is written so far is told on the way. `note` tells the person
    something. `save_values` records values that are finished although the module is not, by path;
    `values` are those of an earlier, failed go at this attempt. `reject` records a text that is no
    prompt, with the reason. `llm` is the LLM's spec, `idea_check` how prompts are judged by the
    idea, and `rewrite` what is to be written again even where it still fits.
    `before` are those prompts as they stood, by model, and `wish` is what is to change in them.
    `preset_answers` were given beforehand and wait for questions that are not asked yet.
    """

    resources: Resources
    step: str
    answers: Mapping[str, JsonValue]
    call: Callable[[Request, bool, TextListener], Awaitable[Reply | Question]]
    note: Callable[[str], None]
    save_values: Callable[[Mapping[str, JsonValue]], Awaitable[None]] = _ignore_values
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    answered_by: Mapping[str, str] = field(default_factory=dict)
    reject: Callable[[Finding, JsonValue], None] = _ignore_text
    llm: str = ""
    idea_check: IdeaCheckMode = STRICT
    rewrite: frozenset[str] = frozenset()
    before: Mapping[str, JsonValue] = field(default_factory=dict)
    wish: str = ""
    preset_answers: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """The module finished with these outputs."""

    outputs: Values


@dataclass(frozen=True)
class Ask:
    """A person must answer first; then the module runs again with the answer."""

    question: Question


@dataclass(frozen=True)
class GoTo:
    """The run continues with a new attempt of `step`, this one or an earlier one."""

    step: str


@dataclass(frozen=True)
class Skip:
    """The rest of the step is skipped because of `reason`; later modules may read the outputs."""

    reason: str
    outputs: Values | None = None


@dataclass(frozen=True)
class Stop:
    """The person ends the run here."""


Outcome = Done | Ask | GoTo | Skip | Stop

StaticInputs = Mapping[str, JsonValue]
"""Inputs as written in the workflow file, with unresolved `$state` references."""


def _nothing(inputs: StaticInputs, resources: Resources) -> tuple[()]:
    del inputs, resources
    return ()


@dataclass(frozen=True)
class Module:
    """A module: its inputs and outputs, its `run`, and checks of its use before a run.

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
