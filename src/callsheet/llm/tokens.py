"""Counts tokens with OpenAI's o200k vocabulary: exact and offline."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callsheet.llm.providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_TOKENIZER_FACTOR = 1.15
"""Our assumption, not a measurement: how many more tokens other providers' tokenizers make."""


def is_exact(spec: str) -> bool:
    """Whether o200k is the LLM's own tokenizer; false for an LLM that a program brought itself."""
    provider = provider_of(spec)
    return provider is not None and provider.exact_tokens


def tokenizer_factor(spec: str) -> float:
    """What an o200k count is multiplied with for this LLM."""
    return 1.0 if is_exact(spec) else OTHER_TOKENIZER_FACTOR


def count_tokens(text: str) -> int:
    """Count the o200k tokens of a text, without the framing that a provider adds."""
    # Half of a surrogate pair has no token; it is sent as a question mark.
    return _counter()(text.encode("utf-8", "replace").decode())


@lru_cache(maxsize=1)
def _counter() -> Callable[[str], int]:
    # Loading the vocabulary takes a twentieth of a second, so it is loaded on first use.
    if find_spec("rs_bpe") is not None:
        from rs_bpe.bpe import openai

        count: Callable[[str], int] = openai.o200k_base().count
        return count
    import bpe_openai

    encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
    return lambda text: len(encode(text))
