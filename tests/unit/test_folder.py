"""A workflow's files are read from its folder, and nothing else of the machine is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callsheet.errors import InputError
from callsheet.workflow.folder import (
    MAX_FILE,
    MAX_FILES,
    WorkflowFolder,
    _open_inside,
    content_hash,
    folder_in_memory,
    folder_on_disk,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workflow's folder with a secret beside it."""
    root = tmp_path / "mine"
    (root / "sub").mkdir(parents=True)
    (root / "note.txt").write_text("a note")
    (root / "sub" / "deep.txt").write_text("deep")
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "mine-too").mkdir()
    (tmp_path / "mine-too" / "secret.txt").write_text("the secret")
    return root


def refusal(folder: WorkflowFolder, path: str) -> str:
    with pytest.raises(InputError) as caught:
        folder.read(path)
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize(
    ("path", "text"), [("note.txt", "a note"), ("sub/deep.txt", "deep"), ("./note.txt", "a note")]
)
def test_a_file_inside_is_read(root: Path, path: str, text: str) -> None:
    assert folder_on_disk(root).read(path) == text


OUTSIDE = [
    "../secret.txt",
    "sub/../../secret.txt",
    "../mine-too/secret.txt",
    "../mine/note.txt",  # its end is inside, its way is not
    "sub/../note.txt",
    "/etc/passwd",
    "//etc/passwd",
    "~/secret.txt",
    "~root/secret.txt",
    "..\\secret.txt",
    "sub\\deep.txt",
    "C:/secret.txt",
    "C:note.txt",
    "note.txt:stream",
    "file:note.txt",
    "file:///etc/passwd",
    "http://127.0.0.1/note.txt",
    "note.txt\0.json",
    "\0",
    "",
    ".",
    "..",
    "sub",
    "sub/",
    "gone.txt",
    "note.txt/more",
    "x" * 5_000,
    "\ud800.txt",
    "out.txt",
    "outdir/secret.txt",
    "broken.txt",
    "loop.txt",
    "sibling/secret.txt",
]


@pytest.fixture
def linked(root: Path) -> Path:
    """The folder, with links that lead out, nowhere, and around."""
    (root / "out.txt").symlink_to(root.parent / "secret.txt")
    (root / "outdir").symlink_to(root.parent)
    (root / "broken.txt").symlink_to(root / "nothing.txt")
    (root / "loop.txt").symlink_to(root / "loop.txt")
    (root / "sibling").symlink_to(root.parent / "mine-too")
    return root


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: ascii(path)[:30])
def test_a_path_outside_the_folder_is_rejected_like_a_missing_file(linked: Path, path: str) -> None:
    folder = folder_on_disk(linked)

    result = refusal(folder, path)

    assert result == f"{path!r:.200}" + refusal(folder, "missing.txt").removeprefix("'missing.txt'")
    assert "secret" not in result.replace(f"{path!r:.200}", "")
    assert not folder.has(path)
    assert folder.files == {}


def test_a_link_to_a_file_inside_is_followed(root: Path) -> None:
    (root / "alias.txt").symlink_to("sub/deep.txt")

    assert folder_on_disk(root).read("alias.txt") == "deep"


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)

    folder = folder_on_disk(tmp_path / "link")

    assert folder.read("note.txt") == "a note"
    assert not folder.has("../secret.txt")


@pytest.mark.parametrize("parts", [("sub", "deep.txt"), ("note.txt",)])
def test_a_link_that_replaced_a_file_or_folder_since_it_was_checked_is_not_followed(
    root: Path, parts: tuple[str, ...]
) -> None:
    outside = root.parent / "elsewhere"
    outside.mkdir()
    (outside / parts[-1]).write_text("secret")
    os.close(_open_inside(root, parts))

    replaced = root / parts[0]
    replaced.rename(root / "moved")
    replaced.symlink_to(outside if len(parts) > 1 else outside / parts[0])

    with pytest.raises(OSError, match=parts[0].partition(".")[0]):
        _open_inside(root, parts)


def test_a_pipe_is_rejected_without_waiting_for_its_writer(root: Path) -> None:
    os.mkfifo(root / "pipe.txt")

    assert "not a readable file" in refusal(folder_on_disk(root), "pipe.txt")


@pytest.mark.parametrize("path", ["sub", "pipe.txt", "note.txt", "latin.txt"])
def test_every_file_that_was_opened_is_closed(root: Path, path: str) -> None:
    os.mkfifo(root / "pipe.txt")
    (root / "latin.txt").write_bytes(b"caf\xe9")

    before = os.dup(0)
    os.close(before)
    folder_on_disk(root).has(path)
    after = os.dup(0)
    os.close(after)

    assert after == before  # the lowest number that is free


def test_a_file_may_be_as_long_as_the_limit_and_no_longer(root: Path) -> None:
    (root / "long.txt").write_bytes(b"x" * MAX_FILE)
    (root / "longer.txt").write_bytes(b"x" * (MAX_FILE + 1))

    assert len(folder_on_disk(root).read("long.txt")) == MAX_FILE
    assert "not a readable file" in refusal(folder_on_disk(root), "longer.txt")


def test_a_file_that_is_not_utf_8_is_rejected(root: Path) -> None:
    (root / "latin.txt").write_bytes(b"caf\xe9")

    assert "not a readable file" in refusal(folder_on_disk(root), "latin.txt")


def test_the_mark_that_some_editors_put_before_a_text_is_no_part_of_it(root: Path) -> None:
    (root / "bom.txt").write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9")

    assert folder_on_disk(root).read("bom.txt") == "café"


def test_what_was_read_is_remembered_and_does_not_change_under_a_run(root: Path) -> None:
    folder = folder_on_disk(root)
    folder.read("note.txt")
    (root / "note.txt").write_text("another note")

    assert folder.read("note.txt") == "a note"
    assert folder.files == {"note.txt": "a note"}
    assert folder_on_disk(root).read("note.txt") == "another note"


def test_only_so_many_files_are_read() -> None:
    folder = WorkflowFolder("endless", lambda path: path)
    for number in range(MAX_FILES):
        folder.read(str(number))

    assert folder.has("0")
    assert not folder.has(str(MAX_FILES))


def test_a_stored_folder_has_exactly_the_stored_files(root: Path) -> None:
    folder = folder_in_memory("mine", {"note.txt": "as it was"})

    assert folder.name == folder_on_disk(root).name == "mine"
    assert folder.read("note.txt") == "as it was"
    assert not folder.has("sub/deep.txt")


def test_one_content_has_one_hash() -> None:
    assert content_hash("é") == content_hash("é") != content_hash("e")
    assert content_hash("").startswith("e3b0c44298fc1c14")
