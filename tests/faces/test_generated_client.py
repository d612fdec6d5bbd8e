"""A client generated from the OpenAPI description reads runs as typed objects."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.serving import IDEA, Serving

SETTINGS = """
project_name_override: generated-callsheet-client
package_name_override: generated_callsheet_client
post_hooks: []
"""

ONE_FORM_EACH = {
    "start-run",
    "get-run",
    "edit-prompt",
    "note-run",
    "keep-image",
    "resume-run",
    "retry-run",
    "interrupt-run",
}
"""The operations that answer with a run."""


@pytest.fixture
def server(terminal: Terminal) -> Iterator[Serving]:
    with Serving(terminal) as serving:
        yield serving


@pytest.fixture
def client(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    description = tmp_path / "openapi.json"
    description.write_text(server.client.get("/openapi.json").text, "utf-8")
    settings = tmp_path / "settings.yml"
    settings.write_text(SETTINGS, "utf-8")
    words = ("generate", "--path", str(description), "--config", str(settings), "--meta", "none")
    subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *words, "--fail-on-warning"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("generated_callsheet_client")
    for name in [name for name in sys.modules if name.startswith("generated_callsheet_client")]:
        del sys.modules[name]


def _read(client: ModuleType, server: Serving, run: str) -> Any:
    operation = importlib.import_module("generated_callsheet_client.api.runs.get_run")
    with client.Client(base_url=str(server.client.base_url)) as connection:
        return operation.sync(run, client=connection)


def test_a_generated_client_reads_a_finished_and_a_failed_run(
    client: ModuleType, server: Serving
) -> None:
    started = server.client.post("/api/runs", json={"brief": {"idea": IDEA}, "groups": ["sora"]})
    finished = _read(client, server, server.until(started.json()["run"])["run"])
    assert type(finished).__name__ == "RunDocument"
    assert finished.status == "succeeded"
    assert type(finished.status).__name__ == "RunStatus"
    assert finished.usage.calls == 1
    assert type(finished.usage).__name__ == "Usage"
    assert finished.receipt is None
    assert finished.seq > 0
    assert set(finished.prompts["image_generation"].to_dict()) == {"SORA_2_A", "SORA_1_A"}
    assert finished.attempts[-1].result in ("done", "skipped")
    assert not finished.problems

    asked = {"brief": {"idea": IDEA}, "groups": ["sora"], "llm": "ollama:missing"}
    started = server.client.post("/api/runs", json=asked)
    failed = _read(client, server, server.until(started.json()["run"])["run"])
    assert failed.status == "failed"
    assert failed.error.code == "provider_unreachable"
    assert failed.error.hint


def test_each_form_is_described_once(server: Serving) -> None:
    described = json.loads(server.client.get("/openapi.json").text)
    answers = {
        operation["operationId"]: answer["content"]["application/json"]["schema"]
        for path in described["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if status in ("200", "201") and operation["operationId"] in ONE_FORM_EACH
    }
    assert set(answers) == ONE_FORM_EACH
    assert all(each == {"$ref": "#/components/schemas/RunDocument"} for each in answers.values())
    properties = described["components"]["schemas"]["RunDocument"]["properties"]
    for name in ("question", "error", "receipt", "usage", "status", "problems", "savings"):
        assert "$ref" in json.dumps(properties[name]), name


def test_every_answer_is_a_named_schema(server: Serving) -> None:
    described = json.loads(server.client.get("/openapi.json").text)
    answers = [
        (status, media, content["schema"])
        for path in described["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        for media, content in answer["content"].items()
    ]
    for status, media, schema in answers:
        if not status.startswith("2"):
            assert schema == {"$ref": "#/components/schemas/ProblemDetails"}
        elif media == "application/json" and schema:
            assert {"$ref"} in (set(schema), set(schema.get("items", {}))), schema


def test_no_enumeration_is_described_twice(server: Serving) -> None:
    schemas = json.loads(server.client.get("/openapi.json").text)["components"]["schemas"]
    found = [tuple(values) for values in _enumerations(schemas)]
    assert len(found) == len({*found})
    named = {name for name, schema in schemas.items() if "enum" in schema}
    assert {"RunStatus", "BatchStatus", "QuestionKind", "AttemptResult", "KeyStatus"} < named


def _enumerations(schema: Any) -> Iterator[list[str]]:
    inner = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and isinstance(schema.get("enum"), list):
        yield schema["enum"]
    for each in inner:
        if isinstance(each, (dict, list)):
            yield from _enumerations(each)


def test_what_a_run_is_not_ready_for_is_a_conflict(server: Serving) -> None:
    started = server.client.post("/api/runs", json={})
    run = started.json()["run"]
    edited = server.client.post(
        f"/api/runs/{run}/edits", json={"prompt": "SORA_2_A", "text": "a heron"}
    )
    assert edited.status_code == 409
    retried = server.client.post(f"/api/runs/{run}/retry", json={})
    assert retried.status_code == 409
