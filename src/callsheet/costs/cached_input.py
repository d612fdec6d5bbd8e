"""What of the input of a call a provider's cache holds, or would have held with all groups."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.costs.receipt import cached_share
from callsheet.llm.cache_terms import terms_for
from callsheet.llm.price_list import BATCH
from callsheet.llm.providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callsheet.engine.run_view import RecordedCall
    from callsheet.llm.cache_terms import CacheTerms
    from callsheet.usage import Usage


def cache_terms(spec: str, tier: str = "") -> CacheTerms | None:
    """Return the terms of an LLM's prompt cache at a tier; None where they are not documented."""
    provider = provider_of(spec)
    name = spec.partition(":")[2].strip()
    terms = terms_for(provider.caches, name) if provider else None
    return terms.in_jobs() if terms and tier == BATCH else terms


def written_tokens(terms: CacheTerms | None, tokens: int) -> dict[str, int]:
    """Return the tokens that a cache keeps under the price list's names of them."""
    kept = {"cache_write_tokens": tokens}
    return kept | {"cache_write_1h_tokens": tokens} if terms and terms.for_hour else kept


@dataclass(frozen=True)
class CachedInput:
    """Input tokens that a cache held, and those that it kept."""

    read: int = 0
    written: int = 0


@dataclass
class CallTimes:
    """When each step was called with each LLM: with all groups, all those calls begin alike."""

    _times: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)

    def add(self, calls: Iterable[RecordedCall]) -> None:
        """Add the calls of a run; the times are sorted when they are first asked for."""
        for each in calls:
            if not each.call.repair:
                self._times.setdefault(_step_of(each), []).append(each.at)

    def sort(self) -> None:
        """Sort the times, after the last run was added."""
        for times in self._times.values():
            times.sort()

    def recent(self, each: RecordedCall, seconds: float) -> int:
        """Return how many calls of the same step came within so many seconds before this one."""
        times = self._times.get(_step_of(each), [])
        return bisect_left(times, each.at) - bisect_left(times, each.at - seconds)


def _step_of(each: RecordedCall) -> tuple[str, str, str]:
    return each.llm, each.manifest, each.call.step


def cached_of_all(
    paid: Usage, prefix: int, more: int, terms: CacheTerms | None, recent: int
) -> CachedInput:
    """What a cache would have held of the same call with all groups.

    `prefix` is the length of instructions and schema as sent, `more` what all groups would have
    added, and `recent` how many calls of the step came before it within the cache's time.
    """
    if terms is None:
        share = cached_share(paid, more)
        return CachedInput(paid.cached_input_tokens + share, paid.cache_write_tokens)
    if paid.cached_input_tokens:
        return CachedInput(paid.cached_input_tokens + more - more % terms.step, 0)
    if paid.cache_write_tokens:
        return CachedInput(0, paid.cache_write_tokens + more)
    # A choice that is long enough itself and was not cached says that nothing was. The first of
    # several calls is marked only where that is known beforehand.
    is_warm = not terms.held(prefix) and recent >= (2 if terms.marked else 1)
    # The prefix is counted, the input reported: it may be a little shorter.
    return CachedInput(min(terms.held(prefix + more), paid.input_tokens + more) if is_warm else 0)
