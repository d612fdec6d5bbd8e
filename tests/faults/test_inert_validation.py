"""A stranger's workflow is data: checking it executes nothing, connects to nothing, follows no link out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callsheet import estimate, load_groups
from callsheet.authoring.check import check_workflow
from callsheet.errors import CallsheetError
from callsheet.loader.bundle import built_in_workflows
from tests.conftest import GUARD
from tests.support.audit import Event, audited

SECRET = "what only the reader of this machine knows"  # noqa: S105  # a text of this test
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
CODE = (
    "__init__.py", "conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "plugin.py",
    "click.py", "jinja2.py", "jsonschema.py", "pydantic.py", "json.py", "callsheet.py",
    "modules/user/form.py", "steps/user_input.py", "groups/__init__.py",
)  # fmt: skip
"""Code beside the workflow, under every name that something might import."""

STEP = "steps/user_input.json"
DRAFT = "drafts/image_generation/sora.json"
SCHEMA = "schemas/image_generation/sora_schema.json"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server to which nobody must connect."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        yield listening


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """The file that any of the stranger's code would make."""
    return tmp_path / "executed"


@pytest.fixture
def folder(tmp_path: Path, canary: Path) -> Path:
    """A workflow in which nothing is wrong, and code of a stranger wherever it might be executed."""
    (tmp_path / "secret.json").write_text(f'"{SECRET}"', "utf-8")
    folder = tmp_path / "stranger"
    shutil.copytree(built_in_workflows()["oms"], folder)
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()\n"
    hostile = f"@print\ndef f(a={code.strip()}): ...\nmodule = {code}"
    for name in CODE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code + hostile, "utf-8")
    (folder / "stranger.pth").write_text(f"import os; {code}", "utf-8")
    metadata = folder / "stranger-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    points = ("modules", "formats", "providers", "exports", "groups")
    entries = [f"[callsheet.{point}]\nstranger = plugin:module\n" for point in points]
    (metadata / "entry_points.txt").write_text("".join(entries) + "[pydantic]\np = plugin:module\n")
    return folder


def in_file(file: str, old: str, new: str) -> Callable[[Path, str], None]:
    """A change of a file of the workflow; URL stands for the server's address."""

    def change(folder: Path, url: str) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new.replace("URL", url), 1), "utf-8")

    return change


def linked(file: str, target: str) -> Callable[[Path, str], None]:
    """A file of the workflow replaced by a link."""

    def change(folder: Path, url: str) -> None:
        del url
        (folder / file).unlink()
        (folder / file).symlink_to(target)

    return change


IDEA = '"What should be shown?"'
WHOLE = '"type": "object",'
ATTACKS = {
    "nothing but code beside it": (in_file("workflow.json", "", ""), ""),
    "code as a module": (in_file(STEP, '"user.form"', '"plugin"'), "no module 'plugin'"),
    "a function as a module": (in_file(STEP, '"user.form"', '"os.system"'), "no module"),
    "an entry point as a module": (in_file(STEP, '"user.form"', '"stranger"'), "no module"),
    "a path as a module": (in_file(STEP, '"user.form"', '"../plugin"'), "module"),
    "a reference to a server": (in_file(STEP, IDEA, '{"$ref": "URL/a.json"}'), "not a readable"),
    "a reference out": (in_file(STEP, IDEA, '{"$ref": "../secret.json"}'), "not a readable"),
    "a reference to a device": (in_file(STEP, IDEA, '{"$ref": "/dev/stdin"}'), "not a readable"),
    "a link out": (linked("prompts/image_prompts_generation_user.txt", "../../secret.json"), "read"),
    "a template that reaches for code": (
        in_file(DRAFT, "{{ idea", "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ idea"),
        "not allowed",
    ),
    "a template that includes a file": (
        in_file(DRAFT, "{{ idea", "{% include '../secret.json' %}{{ idea"),
        "include",
    ),
    "a schema on a server": (in_file(SCHEMA, WHOLE, f'{WHOLE} "$ref": "URL/s.json",'), "$ref"),
    "a schema in another file": (
        in_file(SCHEMA, WHOLE, f'{WHOLE} "allOf": [{{"$ref": "file:///etc/passwd"}}],'),
        "$ref",
    ),
    "a meta-schema on a server": (
        in_file(SCHEMA, WHOLE, f'{WHOLE} "$schema": "URL/meta", "$id": "URL/id",'),
        "",
    ),
    "a reference by way of its id": (
        in_file(SCHEMA, WHOLE, f'{WHOLE} "$id": "URL/a/", "$defs": {{"x": {{"$ref": "b"}}}},'),
        "leads nowhere",
    ),
}  # fmt: skip


def assert_inert(seen: list[Event], folder: Path, canary: Path, listener: socket.socket) -> None:
    """That nothing of the stranger's was executed, and nothing outside was reached or read."""
    outside = str(folder.parent / "secret.json")
    assert not [event for event in seen if event[0].startswith(("socket.", "pickle.", "ctypes."))]
    assert not [event for event in seen if event[0] in STARTING]
    assert not [what for event, what in seen if event == "exec" and what.startswith(str(folder))]
    opened = {what for event, what in seen if event == "open"}
    assert not opened & {outside, "../secret.json", "secret.json", "/etc/passwd", "/dev/stdin"}
    assert not canary.exists()
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("attack", ATTACKS)
def test_checking_a_strangers_workflow_does_nothing_else(
    folder: Path,
    canary: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    attack: str,
) -> None:
    change, named = ATTACKS[attack]
    change(folder, f"http://127.0.0.1:{listener.getsockname()[1]}")
    monkeypatch.chdir(folder)
    said = []

    with audited() as seen:
        problems = check_workflow(str(folder))
        for use in (load_groups, lambda workflow: estimate(["sora"], workflow=workflow)):
            try:
                use(workflow=str(folder))
            except CallsheetError as error:
                said.append(f"{error.message} {error.hint}")

    assert_inert(seen, folder, canary, listener)
    assert [event for event in seen if event[0] == "open"], "what is opened is seen"
    found = [str(problem) for problem in problems]
    assert any(named in each for each in found) if named else not problems, found
    assert SECRET not in " ".join([*found, *said])


def test_what_would_not_be_inert_is_noticed(folder: Path, canary: Path) -> None:
    with audited() as seen:
        exec(compile((folder / "plugin.py").read_text("utf-8"), folder / "plugin.py", "exec"))  # noqa: S102
    assert [what for event, what in seen if event == "exec" and what.startswith(str(folder))]
    assert canary.exists()


def test_the_command_executes_nothing_of_the_folder_in_which_it_is_given(
    folder: Path, canary: Path, listener: socket.socket
) -> None:
    in_file(SCHEMA, WHOLE, f'{WHOLE} "$ref": "URL/s.json",')(
        folder, f"http://127.0.0.1:{listener.getsockname()[1]}"
    )
    command = Path(sys.executable).with_name("callsheet")
    environment = {**os.environ, "PYTHONPATH": str(GUARD)}
    done = subprocess.run(
        [command, "check", "."], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "$ref" in done.stdout
    assert_inert([], folder, canary, listener)
