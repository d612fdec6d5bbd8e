"""A picture is told by its content, its size is read from its header, and nothing else gets in."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.costs.image_tokens import image_tokens
from callsheet.errors import AnswerError
from callsheet.images import MAX_BYTES, Image, open_image, read_base64, read_image
from callsheet.llm.providers import sees
from tests.support.images import jpeg, png, webp

EVERY = {
    "PNG": (png(), "image/png"),
    "JPEG": (jpeg(), "image/jpeg"),
    "JPEG, baseline": (jpeg(marker=0xC0), "image/jpeg"),
    "WebP, lossy": (webp("VP8 "), "image/webp"),
    "WebP, lossless": (webp("VP8L"), "image/webp"),
    "WebP, extended": (webp("VP8X"), "image/webp"),
}
sides = st.integers(1, 8_000)


@pytest.mark.parametrize(("content", "media_type"), EVERY.values(), ids=EVERY)
def test_each_form_is_known_by_its_content(content: bytes, media_type: str) -> None:
    found = read_image(content)
    assert (found.media_type, found.width, found.height) == (media_type, 832, 1216)
    assert found.size == len(content)
    assert base64.b64decode(found.base64) == content
    assert found.hash == hashlib.sha256(found.base64.encode()).hexdigest()


@given(width=sides, height=sides, form=st.sampled_from(["VP8 ", "VP8L", "VP8X", "JPEG"]))
def test_any_image_size_is_read(width: int, height: int, form: str) -> None:
    content = jpeg(width, height) if form == "JPEG" else webp(form, width, height)
    found = read_image(content)
    assert (found.width, found.height) == (width, height)


@given(
    content=st.binary(max_size=200)
    | st.builds(
        lambda head, tail: head + tail,
        st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a"]),
        st.binary(max_size=200),
    )
)
def test_any_bytes_are_an_image_or_rejected(content: bytes) -> None:
    with suppress(AnswerError):
        found = read_image(content)
        assert 0 < found.width <= 8_000
        assert 0 < found.height <= 8_000


@given(cut=st.integers(0, 60), form=st.sampled_from([*EVERY]))
def test_a_truncated_header_is_rejected_or_complete(cut: int, form: str) -> None:
    content = EVERY[form][0][:cut]
    with suppress(AnswerError):
        found = read_image(content)
        assert (found.width, found.height) == (832, 1216)


@given(at=st.integers(0, 40), byte=st.integers(0, 255), form=st.sampled_from([*EVERY]))
def test_one_wrong_byte_never_breaks_the_reader(at: int, byte: int, form: str) -> None:
    content = bytearray(EVERY[form][0])
    content[min(at, len(content) - 1)] = byte
    with suppress(AnswerError):
        assert read_image(bytes(content)).size == len(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PNG, JPEG or WebP image"),
        (b"GIF89a" + bytes(40), "not a PNG, JPEG or WebP image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG, JPEG or WebP image"),
        (b"%PDF-1.7" + bytes(40), "not a PNG, JPEG or WebP image"),
        (bytes(MAX_BYTES + 1), "larger than 5 MB"),
        (jpeg(8_001, 100), "8,001 by 100 pixels"),
        (webp("VP8 ", 0, 100), "0 by 100 pixels"),
    ],
)
def test_an_unusable_image_is_rejected_with_the_reason(content: bytes, message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        read_image(content)


def test_the_file_name_does_not_decide_the_image_format(tmp_path: Path) -> None:
    lie = tmp_path / "still.png"
    lie.write_text("not a picture")
    with pytest.raises(AnswerError, match=r"still\.png.*not a PNG, JPEG or WebP image"):
        open_image(lie)
    plain = tmp_path / "still"
    plain.write_bytes(png())
    assert open_image(plain).media_type == "image/png"


@pytest.mark.parametrize("path", ["nowhere.png", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(path: str, tmp_path: Path) -> None:
    with pytest.raises(AnswerError, match="cannot be read"):
        open_image(tmp_path / path)


def test_base64_is_accepted_with_and_without_a_data_url_prefix() -> None:
    text = base64.b64encode(png()).decode()
    assert read_base64(text) == read_base64(f"data:image/png;base64,{text}") == read_image(png())
    with pytest.raises(AnswerError, match="not base64"):
        read_base64("still.png!")


def test_what_is_recorded_describes_the_picture_without_its_content() -> None:
    found = read_image(png())
    assert Image.from_json(found.to_json()) == found
    assert found.base64 not in str(found.to_json())
    for wrong in (None, "text", {}, {**found.to_json(), "width": "832"}):
        with pytest.raises(AnswerError):
            Image.from_json(wrong)


@pytest.mark.parametrize(
    ("provider", "name", "size", "tokens"),
    [
        ("openai", "gpt-4o", (1024, 1024), 765),
        ("openai", "gpt-4o-2024-08-06", (2048, 4096), 1105),
        ("openai", "gpt-5", (1024, 1024), 70 + 140 * 4),
        ("openai", "gpt-4.1-mini", (1024, 1024), 1659),
        ("openai", "gpt-nobody-knows", (1024, 1024), None),
        ("openai", "gpt-5.2", (1024, 1024), None),
        ("anthropic", "claude-sonnet-4-6", (832, 1216), 30 * 44),
        ("anthropic", "claude-sonnet-4-6", (8000, 8000), 4784),
        ("google", "gemini-2.5-flash", (384, 384), 258),
        ("google", "gemini-2.5-flash", (960, 540), 258 * 6),
        ("google", "gemini-3-flash", (832, 1216), 1120),
        ("google", "gemini-9", (832, 1216), None),
        ("ollama", "qwen2.5vl", (832, 1216), None),
        ("offline", "", (832, 1216), 0),
    ],
)
def test_tokens_are_those_of_the_providers_page_or_unknown(
    provider: str, name: str, size: tuple[int, int], tokens: int | None
) -> None:
    assert image_tokens(provider, name, *size) == tokens


@pytest.mark.parametrize(
    ("spec", "may"),
    [
        ("offline", False),
        ("paste", True),
        ("openai:gpt-5.2", True),
        ("openai:gpt-3.5-turbo", False),
        ("openai:o3-mini", False),
        ("openai:gpt-4", False),
        ("openai:gpt-4o", True),
        ("openai:gpt-4.1", True),
        ("anthropic:claude-sonnet-4-6", True),
        ("google:gemini-3-flash", True),
        ("ollama:qwen3", False),
        ("ollama:qwen3:8b", False),
        ("ollama:qwen3-vl", True),
        ("ollama:gemma3:4b", True),
        ("ollama:gemma3:1b", False),
        ("ollama:llama3.2-vision", True),
        ("ollama:a-model-of-ones-own", True),
    ],
)
def test_llms_without_image_input_are_known(spec: str, *, may: bool) -> None:
    assert sees(spec) is may
