"""One LLM provider as data: how it is called, what it takes, and what is known of its LLMs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from callsheet.call_options import EFFORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from callsheet.call_options import Effort
    from callsheet.llm.cache_terms import CacheTerms

Dialect = Literal["openai", "openai_compatible", "anthropic", "google", "ollama"]
"""The form of requests and schemas; any server that copies OpenAI's form is `openai_compatible`."""

OWN_TIMEOUT, OWN_IDLE_TIMEOUT = 3_600.0, 600.0
"""Seconds for a server given by base URL: a laptop writes a few tokens in a second."""


@dataclass(frozen=True)
class JobTerms:
    """How many requests and bytes one batch job takes."""

    max_requests: int
    max_bytes: int


@dataclass(frozen=True)
class Provider:
    """One provider as data; `name` is what stands before the colon in `--llm NAME:LLM`.

    * `example`: a full spec, shown in messages and documentation.
    * `dialect`, `url`: how and where it is called; `key_names`: variables that may hold its key.
    * `base_url_dialect`: set where `--base-url` may replace the URL; with
      `reads_base_url_setting`, CALLSHEET_BASE_URL does so too.
    * `exact_tokens`: whether o200k is its tokenizer; otherwise counts are estimates.
    * `priced_as`: its id in the price list (genai-prices); None where prices are unknown.
      `prices_url`: where the provider publishes them.
    * `sees_images`, `text_only` (a pattern of LLM names that do not), and `image_tokens`: tokens of
      an image by LLM name, width and height; None where they are not documented.
    * `never_thinks`: a pattern of LLM names that write no thoughts, for which callsheet leaves room.
    * `own`: whether it is a program on a person's own computer; `host_variable` names its address.
    * `missing_llm_hint`, `unreachable_hint`: what to do about either; `{name}` is the LLM's name.
    * `timeout`, `idle_timeout`: seconds that a call may take, and may go without receiving anything.
    * `has_flex`: whether it has a flex tier. `effort`: how the names of its LLMs begin that take an
      effort; None where all do. `efforts`: for names that match a pattern, those that they take, where
      not all; the first pattern counts. `no_temperature`: how the names begin of those that take no
      temperature while they think. Beside the effort `none` they take one, if they take that.
    * `caches`: what its prompt cache keeps, by LLM name; empty where that is not documented.
    * `jobs`: what a batch job takes; None where it has none, or none that callsheet can use.
    * `factory`: set where it is not called in one of the dialects: `package.file:function`, which
      makes an LLM (`callsheet.llm.port.LLM`) from its name and key. It is imported with the first use.
      Without `takes_name` the provider's name alone is a spec.
    * `drafts_only`: it fills the workflow's drafts, calls no LLM and costs nothing.
      `needs_person`: a person carries each request, so a batch cannot use it.
    """

    name: str
    title: str
    example: str
    dialect: Dialect = "openai_compatible"
    url: str = ""
    key_names: tuple[str, ...] = ()
    base_url_dialect: Dialect | None = None
    reads_base_url_setting: bool = False
    exact_tokens: bool = False
    priced_as: str | None = None
    prices_url: str = ""
    sees_images: bool = True
    text_only: str = ""
    image_tokens: Callable[[str, int, int], int | None] | None = None
    never_thinks: str = ""
    own: bool = False
    host_variable: str = ""
    missing_llm_hint: str = ""
    unreachable_hint: str = ""
    timeout: float = 120.0
    idle_timeout: float = 60.0
    has_flex: bool = False
    effort: tuple[str, ...] | None = None
    efforts: tuple[tuple[str, tuple[Effort, ...]], ...] = ()
    no_temperature: tuple[str, ...] = ()
    caches: tuple[CacheTerms, ...] = ()
    jobs: JobTerms | None = None
    factory: str = ""
    takes_name: bool = True
    drafts_only: bool = False
    needs_person: bool = False

    def efforts_of(self, name: str) -> tuple[Effort, ...]:
        """The efforts that an LLM takes; of one that is not known, all."""
        if self.factory or not (self.effort is None or name.startswith(self.effort)):
            return ()
        return next((has for names, has in self.efforts if re.match(names, name)), EFFORTS)

    def takes_temperature(self, name: str, effort: str | None = None) -> bool:
        """Whether an LLM takes a temperature beside this effort."""
        if self.factory or not name.startswith(self.no_temperature):
            return not self.factory
        never_thinks = any(re.match(names, name) and not has for names, has in self.efforts)
        return never_thinks or (effort == EFFORTS[0] and effort in self.efforts_of(name))

    @property
    def is_remote(self) -> bool:
        """Whether it is called over a network, so that rate limits apply."""
        return not (self.drafts_only or self.needs_person)

    @property
    def usage(self) -> str:
        """How a spec is written: `openai:NAME`, or `offline`."""
        return f"{self.name}:NAME" if self.takes_name else self.name
