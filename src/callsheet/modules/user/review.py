"""Shows what was written and asks: accept, retry with other groups, or stop."""

from __future__ import annotations

from pydantic import JsonValue

from callsheet.modules.contract import Ask, Done, GoTo, Module, Outcome, Stage, Stop, Values
from callsheet.questions import Option, Question

KEY = "review"

OPTIONS = (
    Option("accept", "accept", "go on with these prompts"),
    Option("retry", "retry", "choose other groups and write again"),
    Option("stop", "stop", "end the run here; it can be retried later"),
)


class Inputs(Values):
    """What is to be looked at."""

    prompts: JsonValue
    text: str = "Accept these prompts?"


class Outputs(Values):
    """What the person decided; a run only goes on with `accept`."""

    decision: str


async def run(inputs: Inputs, stage: Stage) -> Outcome:
    """Asks once; `retry` begins a new attempt of the step."""
    key = f"{KEY}.{stage.step}"
    answer = stage.answers.get(key)
    match answer:
        case None:
            return Ask(
                Question(
                    key=key,
                    kind="choice",
                    text=inputs.text,
                    default="accept",
                    options=OPTIONS,
                    show=inputs.prompts,
                )
            )
        case "retry":
            return GoTo(stage.step)
        case "stop":
            return Stop()
        case _:
            return Done(Outputs(decision="accept"))


module = Module(Inputs, Outputs, run)
