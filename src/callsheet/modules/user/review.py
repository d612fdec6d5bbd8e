"""Shows the prompts and asks: accept, edit a prompt, retry with other groups, or stop.

An edit is stored apart from the text of the LLM. It names the text that it replaces and applies
only while that text is unchanged. The edits of models that are not selected now are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue

from callsheet.modules.contract import Ask, Done, GoTo, Module, ModuleContext, Outcome, Stop, Values
from callsheet.questions import Option, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "review"

OPTIONS = (
    Option("accept", "accept", "continue with these prompts"),
    Option("edit", "edit", "replace the text of one prompt"),
    Option("retry", "retry", "select other groups and write again"),
    Option("stop", "stop", "end the run; it can be retried later"),
)


class Edit(Values):
    """A text by the user that replaces a text by the LLM."""

    instead_of: str
    text: str


class Inputs(Values):
    """The prompts to review, and the edits of earlier attempts by prompt."""

    prompts: dict[str, JsonValue]
    edits: dict[str, Edit] | None = Field(default=None)
    text: str = "Accept these prompts?"


class Outputs(Values):
    """The decision, the edits in effect, and the prompts with those edits."""

    decision: str
    edits: dict[str, Edit]
    prompts: dict[str, JsonValue]


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks until the prompts are accepted; `retry` starts a new attempt of the step."""
    written = _texts(inputs.prompts)
    edits = {
        name: edit
        for name, edit in (inputs.edits or {}).items()
        if written.get(name, edit.instead_of) == edit.instead_of
    }
    turn = 0
    while True:
        key = f"{KEY}.{context.step}" + (f".{turn}" if turn else "")
        prompts = _with_edits(inputs.prompts, edits)
        match context.answers.get(key):
            case None:
                return Ask(_question(key, inputs.text, prompts))
            case "edit":
                edit = _edit(context, f"{context.step}.{turn}", written, edits)
                if isinstance(edit, Ask):
                    return edit
                edits |= edit
            case "retry":
                return GoTo(context.step)
            case "stop":
                return Stop()
            case _:
                return Done(Outputs(decision="accept", edits=edits, prompts=prompts))
        turn += 1


def _question(key: str, text: str, prompts: dict[str, JsonValue]) -> Question:
    return Question(
        key=key, kind="choice", text=text, default="accept", options=OPTIONS, show=prompts
    )


def _edit(
    context: ModuleContext, turn: str, written: Mapping[str, str], edits: Mapping[str, Edit]
) -> Ask | dict[str, Edit]:
    """One edit: asks for the prompt, then for its new text."""
    names = tuple(Option(name, name) for name in written)
    name = context.answers.get(f"edit.{turn}")
    if name is None:
        return Ask(
            Question(
                key=f"edit.{turn}",
                kind="choice",
                text="Which prompt should be edited?",
                options=names,
            )
        )
    before = edits[str(name)].text if name in edits else written[str(name)]
    text = context.answers.get(f"edited.{turn}")
    if text is None:
        return Ask(
            Question(
                key=f"edited.{turn}",
                kind="lines",
                text=f"Enter the new text of {name}:",
                show=before,
            )
        )
    return {str(name): Edit(instead_of=written[str(name)], text=str(text))}


def _texts(prompts: Mapping[str, Any]) -> dict[str, str]:
    """Each text by name; the texts of an object are named `MODEL.field`."""
    found: dict[str, str] = {}
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            found |= {f"{name}.{inner}": text for inner, text in _texts(prompt).items()}
        else:
            found[name] = str(prompt)
    return found


def _with_edits(
    prompts: Mapping[str, Any], edits: Mapping[str, Edit], at: str = ""
) -> dict[str, Any]:
    return {
        name: _with_edits(prompt, edits, f"{at}{name}.")
        if isinstance(prompt, dict)
        else edits[f"{at}{name}"].text
        if f"{at}{name}" in edits
        else prompt
        for name, prompt in prompts.items()
    }


module = Module(Inputs, Outputs, run, repeatable=True)
