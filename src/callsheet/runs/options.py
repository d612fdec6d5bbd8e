"""What a person gave beforehand for a run, and how questions are then treated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.events import QuestionPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callsheet.images import Image
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callsheet.images import Image


@dataclass(frozen=True)
class RunOptions:
    """What a person said beforehand, the same for a new run, a resumed and a retried one.

    What is None was not said: a new run takes the setting or the default, an old one its own. A
    retry goes on without the groups of the categories `deselected_categories`.
    """

    llm: str | None = None
    base_url: str | None = None
    brief: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] | None = None
    image: Image | None = None
    max_cost: float | None = None
    rewrite: Sequence[str] = ()
    deselected_categories: Sequence[str] = ()
    accept_defaults: bool = False
    review: bool = False
    idempotency_key: str = ""


def policy_for(options: RunOptions, *, named: bool = False) -> QuestionPolicy:
    """How questions are treated; `named` where it is said in other words what is to be done."""
    named = (
        named
        or options.groups is not None
        or bool(options.rewrite or options.deselected_categories)
    )
    return question_policy(
        groups_chosen=named, accept_defaults=options.accept_defaults, review=options.review
    )


def image_files(options: RunOptions) -> dict[str, str]:
    """The file that is kept for what a person showed."""
    return {options.image.hash: options.image.base64} if options.image else {}


def question_policy(*, groups_chosen: bool, accept_defaults: bool, review: bool) -> QuestionPolicy:
    """How questions are treated.

    A run with chosen groups is asked no choice that has a default; `accept_defaults` takes every
    default; `review` has the review asked all the same.
    """
    ask = ("review",) if review else ()
    if accept_defaults:
        return QuestionPolicy(accept=("text", "choice", "choices", "picture"), ask=ask)
    return QuestionPolicy(accept=("choice", "picture") if groups_chosen else (), ask=ask)
