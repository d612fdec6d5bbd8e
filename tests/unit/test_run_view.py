"""A run as it stands is the fold over its facts, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from callsheet.engine.run_view import RunView, fold
from callsheet.errors import ProviderError
from callsheet.events import (
    CallReplied,
    CallSubmitted,
    Event,
    Noted,
    OutputWritten,
    QuestionAnswered,
    QuestionAsked,
    RunFailed,
    RunFinished,
    RunParked,
    RunResumed,
    RunRetried,
    RunStarted,
    StepFinished,
    StepStarted,
    ValuesFinished,
)
from callsheet.questions import Question
from callsheet.usage import Usage
from tests.support.event_strategies import any_of, recorded

PLAIN: dict[str, Any] = {
    "workflow": "oms",
    "source": "oms",
    "manifest": "hash-1",
    "llm": "offline",
    "step": "a",
    "attempt": 1,
    "module": 0,
    "number": 0,
    "job": "0a1b2c3d",
    "repair": False,
    "text": "{}",
    "finish": "stop",
    "key": "idea",
    "value": "a heron",
    "by": "person",
    "values": {},
    "result": "done",
    "code": "c",
    "message": "m",
    "hint": "h",
    "exit_code": 1,
    "until": 2_000.0,
    "question": Question("idea", "text", "What?").to_json(),
}


def fact(kind: type[BaseModel], **report: Any) -> Any:
    """A fact of this kind with plain values for what was not told."""
    fields = {name: PLAIN[name] for name, f in kind.model_fields.items() if f.is_required()}
    return kind(**fields | report)


def after(*events: Event) -> RunView:
    return fold("a-run", recorded(events))


BEGUN = (fact(RunStarted), fact(StepStarted))


def test_a_run_starts_with_its_options() -> None:
    view = after(fact(RunStarted, answers={"idea": "a heron"}, base_url="http://x", llm="openai:y"))

    assert (view.run, view.seq, view.started, view.status) == ("a-run", 1, 101.0, "running")
    assert (view.workflow, view.manifest, view.llm, view.base_url) == (
        "oms",
        "hash-1",
        "openai:y",
        "http://x",
    )
    assert view.preset_answers == {"idea": "a heron"}
    assert view.step is None


def test_outputs_are_written_to_the_state_and_the_next_module_starts_clean() -> None:
    view = after(
        *BEGUN,
        fact(CallReplied),
        fact(ValuesFinished, values={"prompts.A": "x"}),
        fact(QuestionAnswered),
        fact(OutputWritten, values={"one": 1, "two": 2}),
        fact(OutputWritten, module=1, values={"two": 3}),
    )

    assert view.state == {"one": 1, "two": 3}
    assert (view.step, view.attempt, view.module) == ("a", 1, 2)
    assert (view.answers, view.replies, view.values) == ({}, {}, {})
    assert view.answers_by_step == {"a": {"idea": "a heron"}}


def test_a_question_makes_the_run_wait_and_its_answer_continues_it() -> None:
    asked = after(*BEGUN, fact(QuestionAsked))
    answered = after(*BEGUN, fact(QuestionAsked), fact(QuestionAnswered))

    assert (asked.status, asked.question) == ("waiting", Question("idea", "text", "What?"))
    assert (answered.status, answered.question) == ("running", None)
    assert answered.answers == {"idea": "a heron"}


def test_a_question_that_is_asked_again_discards_its_first_answer() -> None:
    again = after(*BEGUN, fact(QuestionAsked), fact(QuestionAnswered), fact(QuestionAsked))

    assert again.status == "waiting"
    assert again.answers == {}


def test_a_preset_answer_is_used_once() -> None:
    began = fact(RunStarted, answers={"idea": "told", "mood": "told too"})

    view = after(began, fact(StepStarted), fact(QuestionAsked), fact(QuestionAnswered, by="told"))

    assert view.preset_answers == {"mood": "told too"}
    assert began.answers == {"idea": "told", "mood": "told too"}


def test_after_a_step_the_run_continues_with_the_next_or_the_named_step() -> None:
    done = after(*BEGUN, fact(StepFinished))
    left = after(*BEGUN, fact(StepFinished, result="left", then="b"))
    skipped = after(*BEGUN, fact(StepFinished, result="skipped", reason="no group"))

    assert (done.step, done.last_step, done.next_step) == (None, "a", None)
    assert (left.step, left.last_step, left.next_step) == (None, "a", "b")
    assert skipped.skipped == {"a": "no group"}


def test_a_skipped_step_can_be_started_again() -> None:
    view = after(
        *BEGUN,
        fact(OutputWritten, values={"kept": 1}),
        fact(StepFinished, result="skipped", reason="no group"),
        fact(RunRetried, step="a", manifest="hash-2", answers={"idea": "new"}),
        fact(StepStarted, attempt=2),
    )

    assert view.skipped == {}
    assert view.attempts == {"a": 2}
    assert (view.step, view.attempt, view.module, view.next_step) == ("a", 2, 0, None)
    assert view.state == {"kept": 1}  # what an earlier attempt wrote can be read until overwritten
    assert view.manifest == "hash-2"
    assert view.preset_answers == {"idea": "new"}
    assert view.answers_by_step == {"a": {}}


@pytest.mark.parametrize("result", ["succeeded", "stopped"])
def test_a_finished_run_has_its_result(result: str) -> None:
    assert after(fact(RunStarted), fact(RunFinished, result=result)).status == result


def test_a_failed_run_continues_from_the_step_that_failed() -> None:
    failed = after(*BEGUN, fact(OutputWritten), fact(RunFailed))
    resumed = after(*BEGUN, fact(OutputWritten), fact(RunFailed), fact(RunResumed, llm="paste"))

    assert failed.status == "failed"
    assert failed.error == fact(RunFailed)
    assert (resumed.status, resumed.error, resumed.llm) == ("running", None, "paste")
    assert (resumed.step, resumed.module) == ("a", 1)
    assert resumed.manifest == "hash-1"


def test_a_run_that_failed_because_of_its_replies_requests_them_again() -> None:
    assert after(*BEGUN, fact(CallReplied), fact(RunFailed)).replies == {}


def test_a_run_that_failed_over_its_provider_does_not_buy_again_what_came_before() -> None:
    failure = fact(RunFailed, exit_code=ProviderError.exit_code)

    view = after(*BEGUN, fact(CallReplied), failure, fact(RunResumed))

    assert view.replies == {0: fact(CallReplied)}


def test_values_completed_by_a_failed_module_are_kept() -> None:
    kept = fact(ValuesFinished, values={"prompts.A": "x"})

    view = after(*BEGUN, kept, fact(RunFailed), fact(RunResumed))

    assert view.values == {"prompts.A": "x"}


def test_a_parked_run_waits_until_a_time_without_a_question() -> None:
    parked = after(*BEGUN, fact(CallReplied), fact(RunParked))
    resumed = after(*BEGUN, fact(CallReplied), fact(RunParked), fact(RunResumed))

    assert (parked.status, parked.parked_until, parked.question) == ("waiting", 2_000.0, None)
    assert (resumed.status, resumed.parked_until, resumed.error) == ("running", None, None)
    assert list(resumed.replies) == [0]


def test_a_run_resumed_with_an_open_question_waits_on() -> None:
    view = after(*BEGUN, fact(QuestionAsked), fact(RunResumed))

    assert view.status == "waiting"
    assert view.question is not None


def test_a_retry_closes_an_open_question() -> None:
    view = after(*BEGUN, fact(QuestionAsked), fact(RunRetried, step="a"))

    assert (view.status, view.question, view.step, view.next_step) == ("running", None, None, "a")


def test_a_note_changes_nothing_but_what_was_noted_and_the_number_of_facts() -> None:
    with_note, without = after(*BEGUN, fact(Noted, text="so it is")), after(*BEGUN)
    without.seq += 1
    without.noted = {"so it is"}

    assert with_note == without


def test_usage_counts_every_call_failed_and_repaired_ones_too() -> None:
    tokens = {"input_tokens": 100, "cached_input_tokens": 40, "output_tokens": 20, "cost_usd": 0.5}

    view = after(
        *BEGUN,
        fact(CallReplied, **tokens),
        fact(RunFailed),
        fact(RunResumed),
        fact(CallReplied, **tokens),
        fact(CallReplied, number=1, repair=True, **tokens),
    )

    assert view.usage == Usage(300, 120, 60, 1.5, calls=3, repairs=1, repair_tokens=120)


@pytest.mark.parametrize(
    ("costs", "total"),
    [([], 0.0), ([0.25, 0.5], 0.75), ([0.25, None], None), ([None, 0.25], None), ([0.0], 0.0)],
)
def test_an_unknown_price_makes_the_sum_unknown(
    costs: list[float | None], total: float | None
) -> None:
    calls = [fact(CallReplied, number=n, cost_usd=cost) for n, cost in enumerate(costs)]

    assert after(*BEGUN, *calls).usage.cost_usd == total


def test_two_runs_share_nothing() -> None:
    first, second = after(*BEGUN), after(*BEGUN)
    first.state["x"] = 1

    assert second.state == {}


def possible(view: RunView) -> list[dict[str, Any]]:
    """What may happen next to a run that stands so: kinds of facts, with what must be true."""
    here = {"step": view.step, "attempt": view.attempt, "module": view.module}
    again: list[dict[str, Any]] = [{"kind": RunResumed}, {"kind": RunRetried}]
    if view.status in ("succeeded", "stopped"):
        return [{"kind": RunRetried}]
    if view.status == "failed" or view.parked_until is not None:
        return again
    if view.question is not None:
        key = view.question.key
        return [*again, {"kind": QuestionAnswered, "key": key, **here}, {"kind": RunFailed}]
    if view.step is None:
        new_run = [
            {"kind": StepStarted, "step": step, "attempt": view.attempts.get(step, 0) + 1}
            for step in "abc"
        ]
        return [*new_run, {"kind": RunFinished}]
    return [
        {"kind": OutputWritten, **here},
        {"kind": CallReplied, "number": len(view.replies), **here},
        {"kind": QuestionAsked, "question": PLAIN["question"], **here},
        {"kind": ValuesFinished, **here},
        {"kind": Noted},
        {"kind": StepFinished, "step": view.step, "attempt": view.attempt},
        {"kind": RunFailed, "step": view.step, "attempt": view.attempt},
        {"kind": RunParked, "step": view.step, "attempt": view.attempt},
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """The facts of a run as an engine could have recorded them."""
    events: list[Event] = [draw(any_of(RunStarted))]
    view = after(*events)
    for _ in range(draw(st.integers(0, 14))):
        report = dict(draw(st.sampled_from(possible(view))))
        event = draw(any_of(report.pop("kind"))).model_copy(update=report)
        events.append(event)
        view = after(*events)
    return events


@settings(max_examples=60, deadline=None)
@given(events=histories(), cut=st.integers(0, 15))
def test_folding_in_two_parts_is_folding_at_once(events: list[Event], cut: int) -> None:
    facts = recorded(events)
    before = [event.model_copy(deep=True) for event in events]

    view = fold("a-run", facts[:cut])
    for each in facts[cut:]:
        view.apply(each)

    assert view == fold("a-run", facts)
    assert events == before


@settings(max_examples=60, deadline=None)
@given(events=histories())
def test_any_history_leaves_a_run_that_makes_sense(events: list[Event]) -> None:
    view = after(*events)
    calls = [event for event in events if isinstance(event, CallReplied)]
    new_run = [event for event in events if isinstance(event, StepStarted)]
    written = [_written(event) for event in events]

    assert view.seq == len(events)
    assert view.attempts == {event.step: event.attempt for event in new_run}
    assert sum(view.attempts.values()) == len(new_run)
    assert set(view.answers_by_step) == {event.step for event in new_run}
    assert view.state == {key: value for values in written for key, value in values.items()}
    assert view.usage.calls == len(calls)
    assert (view.usage.cost_usd is None) == any(call.cost_usd is None for call in calls)
    if view.status == "waiting":
        assert (view.question is None) == (view.parked_until is not None)
    if view.status == "failed":
        assert isinstance(view.error, RunFailed)
    if view.status == "running":
        assert view.question is None
        assert view.error is None


def _written(event: Event) -> dict[str, JsonValue]:
    """What a fact puts into the state."""
    match event:
        case OutputWritten():
            return event.values
        case RunRetried():
            return event.finished
        case _:
            return {}


def test_a_run_in_a_provider_job_waits_until_the_job_has_its_reply() -> None:
    waiting = after(*BEGUN, fact(CallSubmitted))
    assert (waiting.status, waiting.job, waiting.question) == ("waiting", "0a1b2c3d", None)

    replied = after(*BEGUN, fact(CallSubmitted), fact(CallReplied))
    assert (replied.status, replied.job, replied.submissions) == ("running", "", 0)

    left = after(*BEGUN, fact(CallSubmitted), fact(RunResumed), fact(CallSubmitted, job="second"))
    assert (left.job, left.submissions) == ("second", 2)
    for other in (fact(RunResumed), fact(RunRetried), fact(RunFailed)):
        assert after(*BEGUN, fact(CallSubmitted), other).job == ""
