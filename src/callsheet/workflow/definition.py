"""The form of a workflow file: steps, each an ordered list of modules, and what the results are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from callsheet.errors import Problem, WorkflowError
from callsheet.jsonc import place_and_words
from callsheet.workflow.references import Inlined, inline

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from callsheet.workflow.folder import WorkflowFolder

FILE = "workflow.json"

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ModuleUse(_Part):
    """One use of a module in a step."""

    module_id: str = Field(description="Which ability: `user.form`, `api.llm`, …")
    inputs: dict[str, JsonValue] = Field(
        default={}, description="The module's inputs; `$state.key` reads the state."
    )
    outputs_to_state: dict[str, Name] = Field(
        default={}, description="Which outputs go into the state, and under which names."
    )


class Step(_Part):
    """An ordered part of a workflow; a retry executes a whole step again."""

    step_id: Name
    name: str = ""
    description: str = ""
    modules: tuple[ModuleUse, ...] = Field(min_length=1)


class Results(_Part):
    """Where the run's results are in the state when it is done."""

    brief: JsonValue = None
    selection: JsonValue = None
    still: JsonValue = None
    prompts: JsonValue = None
    chosen: JsonValue = Field(
        default=None, description="By field of the brief, what the LLM chose where it was open."
    )


class Workflow(_Part):
    """A workflow: one JSON file, or several joined by `$ref`."""

    workflow_id: Name
    name: str
    description: str = ""
    steps: tuple[Step, ...] = Field(min_length=1)
    results: Results = Results()

    def step(self, step_id: str) -> Step:
        """The step of this name; raises KeyError."""
        return self.steps[self.position(step_id)]

    def position(self, step_id: str) -> int:
        """Which step it is, from 0; raises KeyError."""
        for index, step in enumerate(self.steps):
            if step.step_id == step_id:
                return index
        raise KeyError(step_id)


@dataclass(frozen=True)
class WorkflowDefinition:
    """A workflow read from a folder, and the file of each part."""

    workflow: Workflow
    folder: WorkflowFolder
    source: Inlined

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """A problem at a path of the whole workflow, with the file that the part is in."""
        file, inner = self.source.place(path)
        return Problem(file, inner, message, hint)


def read_definition(folder: WorkflowFolder, file: str = FILE) -> WorkflowDefinition:
    """The workflow in a folder; raises WorkflowError with everything wrong with its form."""
    source = inline(folder, file)
    problems = list(source.problems)
    try:
        workflow = Workflow.model_validate(source.value)
    except ValidationError as error:
        raise WorkflowError(
            problems or [_problem(source, detail) for detail in _described(error)]
        ) from error
    if not problems:
        problems = _duplicates(workflow, source)
    if problems:
        raise WorkflowError(problems)
    return WorkflowDefinition(workflow, folder, source)


def _described(error: ValidationError) -> list[ErrorDetails]:
    """The validation errors, without lists that are too short only because an item is wrong."""
    details = error.errors()
    parents = {each["loc"][:end] for each in details for end in range(len(each["loc"]))}
    return [each for each in details if each["type"] != "too_short" or each["loc"] not in parents]


def _problem(source: Inlined, detail: ErrorDetails) -> Problem:
    location, words = place_and_words(detail)
    file, path = source.place(f"${location}")
    known = "the fields are those of `docs/workflows.md`"
    return Problem(file, path, words, known)


def _duplicates(workflow: Workflow, source: Inlined) -> list[Problem]:
    seen: set[str] = set()
    problems = []
    for index, step in enumerate(workflow.steps):
        if step.step_id in seen:
            file, path = source.place(f"$.steps[{index}].step_id")
            problems.append(Problem(file, path, f"a second step is called `{step.step_id}`"))
        seen.add(step.step_id)
    return problems
