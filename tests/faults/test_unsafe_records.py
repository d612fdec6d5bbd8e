"""What is stored is JSON and text: a pickle in its place is never read as one, and names its run."""

from __future__ import annotations

import ast
import base64
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import CallsheetError
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.rescue import rescue
from callsheet.store.sql import SqlStore
from callsheet.store.verify import verify
from callsheet.workers.dbos_queue import refuse_unsafe_forms
from tests.support.audit import audited

SOURCE = Path(__file__).parents[2] / "src" / "callsheet"

CODE_CARRIERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
EXECUTING = {"eval", "exec", "compile", "__import__"}


class Canary:
    """An object whose pickle makes a file when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """The file that reading a pickle would make; no test may make it."""
    file = tmp_path / "unpickled"
    yield file
    assert not file.exists()


@pytest.fixture
def pickled(canary: Path) -> bytes:
    return pickle.dumps(Canary(canary))


async def stored_run(service: RunService) -> str:
    session = await service.start(RunOptions(brief={"idea": "a heron"}, groups=["sora"]))
    await session.advance()
    return session.view.run


def change(file: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(file)) as store:
        store.execute(statement, values)
        store.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "update events set body = ? where run = ? and seq = 1",
        "update events set body = ? where run = ? and seq = (select max(seq) from events where run = ?2)",
        "update files set content = ? where hash in (select hash from kept where run = ?)",
    ],
    ids=["first event", "last event", "files"],
)
@pytest.mark.parametrize("form", ["bytes", "base64", "text"])
async def test_a_pickle_in_a_store_is_never_read_and_only_its_run_is_lost(
    pickled: bytes, tmp_path: Path, statement: str, form: str
) -> None:
    file = tmp_path / "runs.sqlite"
    service = RunService(read_settings(), store=SqlStore(file))
    harmed = await stored_run(service)
    unharmed = await stored_run(service)
    service.store.close()
    forms = {"base64": base64.b64encode(pickled).decode(), "text": pickled.decode("latin-1")}
    change(file, statement, forms.get(form, pickled), harmed)

    service = RunService(read_settings(), store=SqlStore(file))
    said = []
    with audited() as seen:
        names = [row.run for row in await service.store.runs()]
        for use in (service.show, service.prompt_set, service.open):
            try:
                await use(harmed)
            except CallsheetError as error:
                said.append(error.exit_code)
        damage = await verify(service.store)
        await rescue(file, SqlStore.in_memory())
        if "files" not in statement:
            shown = await service.show(unharmed)
    service.store.close()
    assert not [event for event in seen if event[0].startswith(("pickle.", "socket."))]
    assert names == [unharmed, harmed]
    assert set(said) == {6}
    if "files" not in statement:
        assert shown["status"] == "succeeded"
    assert damage


@pytest.mark.parametrize("what", ["value", "args", "exception"])
def test_the_queues_library_refuses_a_pickle_whatever_its_row_says(
    pickled: bytes, what: str
) -> None:
    from dbos import _serialization as forms

    refuse_unsafe_forms()
    text = base64.b64encode(pickled).decode()
    with audited() as seen, pytest.raises(TypeError, match="unsafe form"):
        getattr(forms, f"deserialize_{what}")(text, "py_pickle", forms.DBOSPortableJSON)
    assert not [event for event in seen if event[0] == "pickle.find_class"]


def test_reading_a_pickle_would_be_noticed(canary: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with audited() as seen:
        pickle.loads(pickle.dumps(Canary(other)))  # noqa: S301  # its own
    assert other.exists()
    assert [event for event in seen if event[0] == "pickle.find_class"]
    assert not canary.exists()


def _unsafe(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name in CODE_CARRIERS)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in CODE_CARRIERS:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in EXECUTING:
                yield name
            case _:
                pass


def test_no_file_of_the_source_reads_pickles_or_executes_text() -> None:
    found = {
        str(path.relative_to(SOURCE)): [*_unsafe(ast.parse(path.read_text("utf-8")))]
        for path in SOURCE.rglob("*.py")
    }
    assert not {path: names for path, names in found.items() if names}
    assert [*_unsafe(ast.parse("import pickle\nfrom marshal import loads\neval('1')"))]
