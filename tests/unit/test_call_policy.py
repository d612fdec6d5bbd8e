"""One policy for every provider: what stops, what moves to the next mode, what is tried again."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from callsheet import errors
from callsheet.llm.error_messages import LLMAddress, error_for, redact, visible
from callsheet.llm.provider_errors import FailureKind, ProviderFailure, kind_of, message_in
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.provider_request import Mode
from callsheet.llm.retry_policy import (
    CallLimits,
    GiveUp,
    NextStep,
    RetryAfter,
    RetryChanged,
    RetryState,
    next_step,
)

OPENAI = LLMAddress("OpenAI", "gpt-5.2", "https://api.openai.com/v1", "OPENAI_API_KEY")
OWN = LLMAddress("OpenAI", "qwen3", "http://127.0.0.1:8080/v1", "", own=True)
OLLAMA = ProviderLLM("ollama", "qwen3").address


def after(fault: ProviderFailure, *, tries: int = 1, chance: float = 0.5, **spent: Any) -> NextStep:
    return next_step(fault, RetryState(tries=tries, **spent), CallLimits(), OPENAI, chance)


def body(message: str = "no", code: str | None = None, kind: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": kind}}


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (401, body(), "key"),
        (403, body(), "key"),
        (400, {"error": {"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}, "key"),
        (402, body(), "billing"),
        (429, body(code="credit_balance_exhausted"), "billing"),
        (400, body("Your credit balance is too low to use the API"), "billing"),
        (429, body(code="insufficient_quota"), "quota"),
        (429, body(kind="enforced_spend_limit_reached"), "quota"),
        (429, {"error": {"details": [{"violations": [{"quotaId": "RequestsPerDayPerProject"}]}]}}, "quota"),
        (404, body(), "unknown_llm"),
        (404, body('model "llama-tools" not found, try pulling it first'), "unknown_llm"),
        (403, body(code="model_not_found"), "unknown_llm"),
        (413, body(), "too_long"),
        (400, body(code="context_length_exceeded"), "too_long"),
        (400, body("prompt is too long: 210000 tokens > 200000 maximum"), "too_long"),
        (400, body(code="content_filter"), "filtered"),
        (400, body("Invalid schema for response_format 'prompts'"), "mode"),
        (400, body("'tools' is not supported with this model"), "mode"),
        (404, body("No endpoints found that support tool use"), "mode"),
        (422, {"detail": "Input should be 'text' or 'json_object' in response_format"}, "mode"),
        (415, None, "mode"),
        (501, None, "mode"),
        (400, None, "mode"),
        (400, body("temperature is restricted to 1"), "rejected"),
        (405, None, "rejected"),
        (429, body(code="rate_limit_exceeded"), "busy"),
        (408, None, "failing"),
        (409, None, "failing"),
        (500, body(), "failing"),
        (503, "<html>busy</html>", "failing"),
        (529, body(kind="overloaded_error"), "failing"),
        (500, body("The model output does not match the expected peg-native format"), "garbled"),
    ],
)  # fmt: skip
def test_a_status_and_its_body_amount_to(status: int, answer: Any, kind: FailureKind) -> None:
    assert kind_of(status, answer) == kind


@pytest.mark.parametrize(
    "kind",
    ["key", "billing", "quota", "unknown_llm", "too_long", "filtered", "rejected", "unable", "oversize", "tls", "deadline", "idle"],
)  # fmt: skip
def test_what_trying_again_does_not_change_ends_at_once(kind: FailureKind) -> None:
    assert isinstance(after(ProviderFailure(kind)), GiveUp)


@pytest.mark.parametrize("kind", ["busy", "failing", "dropped"])
def test_what_may_pass_is_tried_four_times_in_all(kind: FailureKind) -> None:
    steps = [after(ProviderFailure(kind), tries=tries) for tries in (1, 2, 3, 4)]

    assert [type(step) for step in steps] == [RetryAfter, RetryAfter, RetryAfter, GiveUp]


@pytest.mark.parametrize("kind", ["unreachable", "garbled"])
def test_what_hardly_passes_is_tried_twice(kind: FailureKind) -> None:
    assert [type(after(ProviderFailure(kind), tries=tries)) for tries in (1, 2)] == [
        RetryAfter,
        GiveUp,
    ]


@pytest.mark.parametrize(("mode", "following"), [("native", "tool"), ("tool", "prompted")])
def test_after_a_rejected_mode_the_next_one_is_used(mode: Mode, following: Mode) -> None:
    step = after(ProviderFailure("mode", 400), mode=mode)

    assert isinstance(step, RetryChanged)
    assert step.state.mode == following


def test_after_the_last_mode_the_request_counts_as_refused() -> None:
    step = after(ProviderFailure("mode", 400, "no schemas here"), mode="prompted")

    assert isinstance(step, GiveUp)
    assert isinstance(step.error, errors.RequestRejectedError)
    assert "no schemas here" in str(step.error)


@pytest.mark.parametrize(("tries", "longest"), [(1, 5), (2, 10), (3, 20)])
def test_waits_are_random_up_to_a_growing_limit(tries: int, longest: float) -> None:
    assert after(ProviderFailure("busy"), tries=tries, chance=0.0) == RetryAfter(0.5)
    assert after(ProviderFailure("busy"), tries=tries, chance=1.0) == RetryAfter(longest)


def test_a_wait_that_the_provider_requests_is_respected() -> None:
    assert after(ProviderFailure("busy", 429, retry_after=7.0), chance=0.0) == RetryAfter(7.0)
    assert after(ProviderFailure("busy", 429, retry_after=7.0), chance=1.0) == RetryAfter(7.5)


def test_a_wait_beyond_all_patience_ends_the_call_and_is_named() -> None:
    step = after(ProviderFailure("busy", 429, retry_after=1_800.0))

    assert isinstance(step, GiveUp)
    assert isinstance(step.error, errors.OverloadedError)
    assert step.error.retry_after == 1_800.0
    assert "30 minutes" in f"{step.error} {step.error.hint}"


def test_patience_is_counted_over_all_waits_of_a_call() -> None:
    assert isinstance(
        after(ProviderFailure("busy", retry_after=30.0), tries=2, waited=20.0), RetryAfter
    )
    assert isinstance(
        after(ProviderFailure("busy", retry_after=30.0), tries=2, waited=40.0), GiveUp
    )


def test_there_is_no_retry_after_the_deadline() -> None:
    assert isinstance(after(ProviderFailure("failing"), elapsed=120.0), GiveUp)


@pytest.mark.parametrize("kind", get_args(FailureKind))
@pytest.mark.parametrize("address", [OPENAI, OWN, OLLAMA])
def test_every_provider_failure_has_a_message_and_a_hint(
    kind: FailureKind, address: LLMAddress
) -> None:
    error = error_for(ProviderFailure(kind, 500), 2, address)

    assert error.hint
    assert error.message[0] in "abcdefghijklmnopqrstuvwxyzO`"
    assert not error.message.endswith(".")


def test_the_error_for_an_unreachable_server_suggests_starting_it() -> None:
    assert str(error_for(ProviderFailure("unreachable"), 2, OWN)) == (
        "no LLM answers at http://127.0.0.1:8080/v1 (is it running?)"
    )
    assert "ollama serve" in error_for(ProviderFailure("unreachable"), 2, OLLAMA).hint


def test_a_refused_key_is_named_by_its_variable() -> None:
    assert "the key in OPENAI_API_KEY was refused" in str(
        error_for(ProviderFailure("key", 401), 1, OPENAI)
    )
    assert "CALLSHEET_API_KEY" in error_for(ProviderFailure("key", 401), 1, OWN).hint


def test_a_message_is_quoted_without_keys_and_without_what_was_sent() -> None:
    sent = "You write prompts for exactly one model and for nothing else at all."
    result = f"bad key sk-abcdefgh1234 or my-canary-key in: {sent}"

    report = redact(result, ("my-canary-key",), (sent,))

    assert report == "bad key [key] or [key] in: […]"


def test_an_address_is_shown_without_its_password() -> None:
    assert visible("https://me:secret@host:8080/v1?key=abc") == "https://host:8080/v1"


def test_the_providers_sentence_is_found_in_each_of_their_forms() -> None:
    assert message_in({"error": {"message": "one\n two"}}) == "one two"
    assert message_in({"detail": [{"msg": "x"}], "message": "three"}) == "three"
    assert message_in({"error": "plain"}) == "plain"
    assert message_in("<html>") == ""
