"""One output is written by one batch, and what stands there already is kept."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from callsheet import batch
from callsheet.batches.batch import Batch
from callsheet.batches.output_file import open_output_file
from callsheet.errors import InputError, OutputInUseError, OutputUnwritableError
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.loopback import Hang
from tests.support.plain_llm import PlainLLM
from tests.support.strict_openai import StrictOpenAI


def opened(folder: Path, title: str = "ideas", **changes: object) -> Batch:
    sheet = write_sheet(folder / f"{title}.csv", ideas(2))
    return SharedStore.with_llm().batch(sheet, **changes)


def test_a_second_batch_into_one_output_is_refused_before_it_pays_until_the_first_is_dead(
    terminal: Terminal, tmp_path: Path
) -> None:
    write_sheet(tmp_path / "ideas.csv", ideas(3))
    write_sheet(tmp_path / "other.csv", ideas(3))
    options = ("--groups", "leonardo", "--llm", "openai:any", "--concurrency", "3")
    with StrictOpenAI(faults=[Hang()] * 3) as server:
        ours = (*options, "--base-url", server.url, "--output", "prompts.csv")
        first = subprocess.Popen(
            terminal.command("batch", "ideas.csv", *ours),
            cwd=terminal.folder,
            env=terminal.environment(),
            stderr=subprocess.DEVNULL,
        )
        try:
            while len(server.requests) < 3:
                time.sleep(0.02)
            refused = terminal("batch", "other.csv", *ours, "--json")
        finally:
            first.kill()
            first.wait()
        assert refused.status == 2
        assert refused.json["error"]["code"] == "output_in_use"
        assert "prompts.csv is being written by the batch ideas-" in refused.err
        assert f"(process {first.pid} on " in refused.err
        assert len(server.requests) == 3
        assert (tmp_path / "prompts.csv.part").exists()

        llm = PlainLLM(server.url)
        batch(tmp_path / "other.csv", ["leonardo"], llm=llm, output=tmp_path / "prompts.csv")
    assert [row["status"] for row in read_csv(tmp_path / "prompts.csv")] == ["succeeded"] * 3
    assert not list(tmp_path.glob("prompts.csv.*"))


def _relative(folder: Path, output: Path) -> Path:
    return Path(os.path.relpath(output))


def _dotted(folder: Path, output: Path) -> Path:
    return folder / ".." / folder.name / output.name


def _symlink(folder: Path, output: Path) -> Path:
    (folder / "symlink.csv").symlink_to(output)
    return folder / "symlink.csv"


def _linked_folder(folder: Path, output: Path) -> Path:
    (folder / "linked").symlink_to(output.parent, target_is_directory=True)
    return folder / "linked" / output.name


def _hard_link(folder: Path, output: Path) -> Path:
    (folder / "hard_link.csv").hardlink_to(output)
    return folder / "hard_link.csv"


@pytest.mark.parametrize("path_of", [_relative, _dotted, _symlink, _linked_folder, _hard_link])
def test_every_path_of_an_output_in_use_is_refused_with_the_name_of_the_batch(
    tmp_path: Path, path_of: Callable[[Path, Path], Path]
) -> None:
    output = tmp_path / "prompts.csv"
    output.write_text("mine\n", "utf-8")
    first = opened(tmp_path)
    with open_output_file(output, first):
        other = path_of(tmp_path, output)
        with pytest.raises(OutputInUseError, match=f"written by the batch {first.name}"):
            open_output_file(other, opened(tmp_path, "others"))
        with open_output_file(tmp_path / "prompts.md", opened(tmp_path, "others")):
            pass
    with open_output_file(other, opened(tmp_path, "others")):
        pass
    assert output.read_text("utf-8") == "mine\n"


async def test_a_finished_file_of_another_batch_is_moved_aside_and_its_own_replaced(
    tmp_path: Path,
) -> None:
    bench, output = SharedStore.with_llm(), tmp_path / "prompts.csv"
    output.write_text("my own notes\n", "utf-8")
    for title in ("first", "second", "second"):
        sheet = write_sheet(tmp_path / f"{title}.csv", ideas(2))
        await bench.write(sheet, output)
    kept = _read(tmp_path)
    assert sorted(kept) == ["prompts.1.csv", "prompts.2.csv", "prompts.csv"]
    assert kept["prompts.1.csv"] == "my own notes\n"
    assert "first-" in kept["prompts.2.csv"]
    assert "second-" in kept["prompts.csv"]

    await bench.write(write_sheet(tmp_path / "third.csv", ideas(2)), output, overwrite=True)
    assert len(_read(tmp_path)) == 3
    assert "third-" in _read(tmp_path)["prompts.csv"]


def _read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.glob("prompts*")}


def test_the_command_names_the_file_that_it_moved_aside(terminal: Terminal, tmp_path: Path) -> None:
    write_sheet(tmp_path / "ideas.csv", ideas(1))
    (tmp_path / "prompts.csv").write_text("my own notes\n", "utf-8")
    words = ("batch", "ideas.csv", "--groups", "leonardo", "--output", "prompts.csv")
    done = terminal(*words)
    assert done.status == 0
    assert "it is kept as prompts.1.csv" in done.err
    (tmp_path / "prompts.csv").write_text("more notes\n", "utf-8")
    assert terminal(*words, "--overwrite").status == 0
    assert len(list(tmp_path.glob("prompts*"))) == 2


def test_a_symlink_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "prompts.csv").symlink_to(tmp_path / "real" / "prompts.csv")
    batch(["a heron at dawn"], ["leonardo"], output=tmp_path / "prompts.csv")
    assert (tmp_path / "prompts.csv").is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["prompts.csv"]


def test_a_program_is_refused_an_output_in_use_and_an_output_that_is_its_sheet(
    tmp_path: Path,
) -> None:
    output = tmp_path / "prompts.csv"
    with open_output_file(output, opened(tmp_path)), pytest.raises(OutputInUseError):
        batch(["a boat"], ["leonardo"], output=output)
    sheet = write_sheet(tmp_path / "prompts.csv.part", ideas(1))
    with pytest.raises(InputError, match="is the sheet itself"):
        batch(sheet, ["leonardo"], output=output)
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritableError, match="nowhere") as caught:
        batch(["a boat"], ["leonardo"], output=tmp_path / "nowhere" / "prompts.csv")
    assert (caught.value.code, caught.value.exit_code) == ("output_unwritable", 6)
