"""A reply is checked, and only what is wrong is asked for again; what was right stays as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import JsonValue

from callsheet import errors
from callsheet.catalog.groups import Catalog
from callsheet.catalog.rules import Finding, leaves
from callsheet.llm.port import Finish, Reply, Request, TextListener, Usage
from callsheet.modules.contract import Ask, Done, ModuleContext, Resources
from callsheet.modules.support.generation import Inputs, check, generate
from callsheet.questions import Question
from callsheet.workflow.folder import folder_in_memory
from tests.support.reply_schemas import schema_of
from tests.support.scripted_llm import ScriptedLLM, ScriptedReply

SHOT = {
    "type": "object",
    "properties": {
        "wide": {"type": "string", "maxLength": 20},
        "near": {"type": "string", "maxLength": 20},
    },
    "required": ["wide", "near"],
    "additionalProperties": False,
}
ONE: dict[str, Any] = {"type": "string", "minLength": 3, "maxLength": 20, "pattern": "^a"}
GOOD = {"ONE": "a heron", "TWO": "a door", "SHOT": {"wide": "a lake", "near": "a reed"}}


SCHEMA = schema_of(ONE=ONE, TWO=ONE, SHOT=SHOT)
WHOLE = leaves(SCHEMA)


def prompts(**changed: Any) -> dict[str, object]:
    """A good reply, with some prompts changed, or left out where they are None."""
    report = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return {"prompts": report}


def ended(finish: Finish, text: str = "", detail: str = "") -> Reply:
    return Reply(text, finish, Usage(), "scripted", detail)


@dataclass
class Set:
    """A stage with an LLM that says its lines, and what was kept on it."""

    llm: ScriptedLLM
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    repairs: list[bool] = field(default_factory=list)
    kept: dict[str, JsonValue] = field(default_factory=dict)
    rejected: dict[str, JsonValue] = field(default_factory=dict)

    def reject(self, finding: Finding, text: JsonValue) -> None:
        self.rejected[".".join(finding.path)] = text

    async def call(self, request: Request, repair: bool, on_text: TextListener) -> Reply | Question:  # noqa: FBT001
        self.repairs.append(repair)
        return await self.llm.compose(request, on_text)

    async def keep(self, values: Mapping[str, JsonValue]) -> None:
        self.kept |= values

    @property
    def requests(self) -> list[Request]:
        return self.llm.requests

    async def play(self, schema: dict[str, JsonValue] = SCHEMA) -> Any:
        """What the module answers."""
        context = ModuleContext(
            resources=Resources(folder_in_memory("none", {}), Catalog({})),
            step="only",
            answers={},
            call=self.call,
            note=print,
            save_values=self.keep,
            reject=self.reject,
            values=self.values,
        )
        inputs = Inputs(
            system_message="Write well.",
            user_message="The idea: a heron.",
            output_schema=schema,
            drafts=({"draft": 1},),
            variables={"idea": "a heron"},
        )
        return await generate(inputs, context)

    async def response(self) -> dict[str, Any]:
        """The prompts that were delivered."""
        outcome = await self.play()
        assert isinstance(outcome, Done)
        response: dict[str, Any] = outcome.outputs.model_dump()["response"]["prompts"]
        return response


def scene(*lines: ScriptedReply, **more: Any) -> Set:
    return Set(ScriptedLLM(lines), **more)


def asked(request: Request) -> list[str]:
    """Which values a request asks for."""
    return [".".join(path[1:]) for path in leaves(dict(request.schema))]


async def test_a_valid_reply_takes_one_call_and_is_delivered_unchanged() -> None:
    context = scene(prompts())

    assert await context.response() == GOOD
    (request,) = context.requests
    assert (request.system, request.user) == ("Write well.", "The idea: a heron.")
    assert request.schema == SCHEMA
    assert request.drafts == ({"draft": 1},)
    assert request.variables == {"idea": "a heron"}
    assert context.repairs == [False]


async def test_a_schema_without_properties_needs_no_call() -> None:
    context = scene()

    outcome = await context.play(schema_of())

    assert isinstance(outcome, Done)
    assert outcome.outputs.model_dump() == {"response": {"prompts": {}}}
    assert context.requests == []


async def test_a_schema_without_required_properties_is_requested() -> None:
    report: dict[str, JsonValue] = {"type": "object", "properties": {"prompts": {"type": "object"}}}
    context = scene(prompts())

    outcome = await context.play(report)

    assert isinstance(outcome, Done)
    assert outcome.outputs.model_dump() == {"response": prompts()}
    assert len(context.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "```json\n{}\n```",
        "Sure! Here it is:\n\n{}\n\nTell me if you want another.",
        "\ufeff  {}  ",
        "{}{}",
        "<think>{{not this}}</think> {}",
    ],
)
async def test_json_is_found_among_fences_and_chatter(text: str) -> None:
    reply = json.dumps(prompts(), indent=2)

    context = scene(text.replace("{{", "\0").replace("{}", reply).replace("\0", "{{"))

    assert await context.response() == GOOD
    assert len(context.requests) == 1


async def test_prompts_are_delivered_in_schema_order_without_extras() -> None:
    report = {"SHOT": {"near": "a reed", "wide": "a lake", "far": "x"}, "TWO": "a door", "X": "y"}

    response = await scene({"note": "hi", "prompts": report | {"ONE": "a heron"}}).response()

    assert json.dumps(response) == json.dumps(GOOD)


@pytest.mark.parametrize(
    "nothing", ["I cannot do that as JSON.", "", "[]", "{}", '{"prompts": [1]}', "{{{{", "null"]
)
async def test_a_reply_that_is_not_json_is_requested_again_with_the_error(nothing: str) -> None:
    context = scene(nothing, prompts())

    assert await context.response() == GOOD
    again = context.requests[1]
    assert again.system == "Write well."
    assert again.user.startswith(
        "The idea: a heron.\n\nYour last reply could not be used as it was:"
    )
    assert leaves(dict(again.schema)) == WHOLE
    assert context.repairs == [False, True]


async def test_only_missing_prompts_are_requested() -> None:
    context = scene(prompts(TWO=None, SHOT={"wide": "a lake"}), {"prompts": {"TWO": "a door",
                  "SHOT": {"near": "a reed"}}})  # fmt: skip

    assert await context.response() == GOOD
    assert asked(context.requests[1]) == ["TWO", "SHOT.near"]
    assert (
        "1. prompts.TWO: is missing\n2. prompts.SHOT.near: is missing" in context.requests[1].user
    )


async def test_a_prompt_of_the_wrong_type_is_requested_again() -> None:
    context = scene(prompts(ONE=5, SHOT="a text"), prompts())

    assert await context.response() == GOOD
    assert asked(context.requests[1]) == ["ONE", "SHOT.wide", "SHOT.near"]
    assert "prompts.ONE: must be of type string" in context.requests[1].user


async def test_a_broken_rule_is_repaired_by_a_short_request_for_that_prompt_only() -> None:
    long = "a" * 30
    context = scene(prompts(TWO=long), {"prompts": {"TWO": "a gate", "ONE": "meddled with"}})

    assert await context.response() == GOOD | {"TWO": "a gate"}
    again = context.requests[1]
    assert asked(again) == ["TWO"]
    assert again.system != "Write well."
    assert "The idea" not in again.user
    assert long in again.user
    assert "1. prompts.TWO: has 30 characters; at most 20 are read" in again.user
    assert "a heron" not in again.user


async def test_what_is_healthy_stays_byte_for_byte_the_same() -> None:
    healthy = "a  heron\u200d — “kept” \n"
    meddled = {"ONE": "a hare", "TWO": "a gate", "SHOT": {"wide": "a sea", "near": "a new reed"}}
    broken = {"wide": "a lake", "near": "x" * 30}
    context = scene(prompts(ONE=healthy, SHOT=broken), {"prompts": meddled})

    response = await context.response()

    assert response["ONE"] == healthy
    assert response["TWO"] == "a door"
    assert response["SHOT"] == {"wide": "a lake", "near": "a new reed"}
    assert asked(context.requests[1]) == ["SHOT.near"]


async def test_each_repair_requests_only_what_is_still_wrong() -> None:
    context = scene(
        prompts(ONE="b", TWO="c"),
        {"prompts": {"ONE": "a hare", "TWO": "cc"}},
        {"prompts": {"TWO": "a gate"}},
    )

    assert await context.response() == GOOD | {"ONE": "a hare", "TWO": "a gate"}
    assert [asked(request) for request in context.requests[1:]] == [["ONE", "TWO"], ["TWO"]]


async def test_a_prompt_that_still_breaks_a_rule_is_delivered_after_two_repairs() -> None:
    context = scene(
        prompts(ONE="b1"), {"prompts": {"ONE": "b2"}}, {"prompts": {"ONE": "b3"}}, prompts()
    )

    assert await context.response() == GOOD | {"ONE": "b3"}
    assert context.repairs == [False, True, True]


async def test_an_unchanged_invalid_prompt_is_not_requested_a_third_time() -> None:
    context = scene(prompts(ONE="b1"), {"prompts": {"ONE": "b1"}})

    assert await context.response() == GOOD | {"ONE": "b1"}
    assert len(context.requests) == 2


async def test_missing_prompts_are_requested_twice_even_if_none_arrive() -> None:
    context = scene(prompts(TWO=None), "nothing", {"prompts": {"TWO": "a door"}})

    assert await context.response() == GOOD


async def test_what_is_missing_after_two_repairs_is_an_error_that_names_it() -> None:
    context = scene(prompts(ONE=None, SHOT=None), "no", {"prompts": {"SHOT": {"wide": "a lake"}}})

    with pytest.raises(errors.OutputInvalidError, match=r"still lacks ONE, SHOT\.near") as caught:
        await context.play()

    assert caught.value.hint
    assert caught.value.exit_code == 1
    assert len(context.requests) == 3
    assert context.kept == {"prompts.TWO": "a door", "prompts.SHOT.wide": "a lake"}


async def test_replies_without_a_single_prompt_end_as_an_empty_reply() -> None:
    context = scene("no", "", "never")

    with pytest.raises(errors.EmptyReplyError):
        await context.play()

    assert len(context.requests) == 3
    assert context.kept == {}


@pytest.mark.parametrize(
    ("reply", "error", "result"),
    [
        (ended("refusal", "I would rather not."), errors.RefusedError, "I would rather not."),
        (ended("refusal", "", "against the rules"), errors.RefusedError, "against the rules"),
        (ended("refusal"), errors.RefusedError, "no reason given"),
        (ended("filter"), errors.FilteredError, "content filter"),
        (ended("length", '{"prompts": {"ONE"'), errors.TruncatedError, "cut off"),
    ],
)
async def test_a_reply_that_did_not_end_as_it_should_is_an_error_of_its_own(
    reply: Reply, error: type[errors.ReplyError], result: str
) -> None:
    with pytest.raises(error) as caught:
        await scene(reply).play()

    assert result in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 1


async def test_a_refused_repair_is_reported_as_a_refusal() -> None:
    with pytest.raises(errors.RefusedError):
        await scene(prompts(ONE=None), ended("refusal")).play()


async def test_complete_prompts_of_a_truncated_reply_are_kept_and_the_incomplete_one_is_not() -> (
    None
):
    cut = '{"prompts": {"ONE": "a heron", "TWO": "b", "SHOT": {"wide": "a lake", "near": "a re'
    context = scene(ended("length", cut))

    with pytest.raises(errors.TruncatedError):
        await context.play()

    assert context.kept == {"prompts.ONE": "a heron", "prompts.SHOT.wide": "a lake"}


async def test_completed_prompts_are_not_requested_again() -> None:
    at_hand = {"prompts.ONE": "a heron", "prompts.SHOT.wide": "a lake"}
    context = scene({"prompts": {"TWO": "a door", "SHOT": {"near": "a reed"}}}, values=at_hand)

    assert await context.response() == GOOD
    (request,) = context.requests
    assert asked(request) == ["TWO", "SHOT.near"]
    assert request.system == "Write well."


async def test_without_missing_prompts_no_call_is_made() -> None:
    at_hand = {"prompts.ONE": "a heron", "prompts.TWO": "a door", "prompts.SHOT": GOOD["SHOT"]}
    context = scene(values=at_hand)

    assert await context.response() == GOOD
    assert context.requests == []


async def test_a_question_of_the_llm_is_put_to_the_person() -> None:
    question = Question("reply", "paste", "Paste the reply")

    def ask(request: Request) -> Any:
        return question

    assert await scene(ask).play() == Ask(question)
    assert await scene("no", ask).play() == Ask(question)


async def test_a_provider_that_fails_is_no_reply() -> None:
    with pytest.raises(errors.UnreachableError):
        await scene(errors.UnreachableError("nobody answers")).play()


@pytest.mark.parametrize(
    ("schema", "result"),
    [
        (SCHEMA, None),
        ("$state.merged", None),
        ({"type": "object", "properties": "$state.merged"}, None),
        ({"type": "array"}, 'must have `"type": "object"`'),
        ({}, 'must have `"type": "object"`'),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "not a valid JSON Schema"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}, "leads nowhere"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_schema_that_no_reply_can_fit_is_found_before_a_run(
    schema: JsonValue, result: str | None
) -> None:
    resources = Resources(folder_in_memory("none", {}), Catalog({}))

    problems = list(check({"output_schema": schema}, resources))

    assert [result in problem.message for problem in problems if result] == (
        [True] if result else []
    )
    assert all(problem.path.startswith(".output_schema") for problem in problems)
