"""The document of a run is one model, and reads like a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from callsheet import run
from callsheet.documents import DocumentPart, RunDocument
from callsheet.runs.options import RunOptions
from tests.support.runs import InMemoryRuns


def _undeclared(part: object) -> list[str]:
    """The fields that the models do not declare."""
    match part:
        case DocumentPart():
            values = [getattr(part, name) for name in part.model_fields_set]
            return [*(part.model_extra or ()), *(each for v in values for each in _undeclared(v))]
        case dict():
            return [each for value in part.values() for each in _undeclared(value)]
        case list():
            return [each for value in part for each in _undeclared(value)]
        case _:
            return []


async def test_a_document_is_what_its_model_declares_and_nothing_else() -> None:
    runs = InMemoryRuns.with_llm()
    session = await runs.session(["sora", "leonardo", "motion_2_0"])
    await session.close()
    shown = await runs.service.show(session.view.run)

    for document in (session.document(), shown):
        read = RunDocument.model_validate(json.loads(json.dumps(dict(document))))
        assert _undeclared(read) == []
        assert read.to_json() == document.to_json() == dict(document)
        assert json.loads(read.model_dump_json(exclude_unset=True)) == document
    assert [*shown][: len(session.document())] == [*session.document()]


def test_a_programs_document_reads_like_a_mapping(tmp_path: Path) -> None:
    document = run("a heron at dawn", ["sora"], home=tmp_path).document

    assert isinstance(document, Mapping)
    assert document["prompts"] == document.prompts
    assert document.get("question") is document.get("error") is None
    assert "question" not in document
    assert "error" not in [*document]
    assert document["usage"] == {
        "calls": 1,
        "repairs": 0,
        "input_tokens": 0,
        "cached_input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "repair_tokens": 0,
        "cache_write_tokens": 0,
        "cost_at_most": False,
    }
    assert document.usage.calls == 1
    assert json.loads(json.dumps(dict(document))) == document
    assert dict(document.items()) == dict(document)
    assert len(document) == len([*document.values()])


def test_a_waiting_run_has_a_question_and_no_error(tmp_path: Path) -> None:
    document = run("a heron at dawn", ["sora"], llm="paste", home=tmp_path).document

    assert document.question is not None
    assert document.question.to_json() == document["question"]
    assert document.question.kind == document["question"]["kind"] == "paste"
    assert "error" not in document


async def test_an_option_says_that_it_is_unavailable_only_where_it_is() -> None:
    service = InMemoryRuns.with_llm().service
    session = await service.start(RunOptions(brief={"idea": "a heron"}), "oms")
    await session.advance()
    question = session.document().question

    assert question is not None
    assert question.options
    assert {tuple(option.to_json()) for option in question.options} == {("name", "label", "detail")}
    await session.close()
