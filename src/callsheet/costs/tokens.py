"""Counts tokens with OpenAI's o200k vocabulary: exact and offline."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_TOKENIZER_FACTOR = 1.15
"""Our assumption, not a measurement: how many more tokens other providers' tokenizers make."""


def count_tokens(text: str) -> int:
    """How many o200k tokens a text has, without the framing that a provider puts around it."""
    # Half of a surrogate pair has no token; it is sent as a question mark.
    return _counter()(text.encode("utf-8", "replace").decode())


@lru_cache(maxsize=1)
def _counter() -> Callable[[str], int]:
    # Loading the vocabulary takes a twentieth of a second, so nobody pays who counts nothing.
    if find_spec("rs_bpe") is not None:
        from rs_bpe.bpe import openai

        count: Callable[[str], int] = openai.o200k_base().count
        return count
    import bpe_openai

    encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
    return lambda text: len(encode(text))
