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
    retry goes on without the groups of the categories `without`.
    """

    llm: str | None = None
    base_url: str | None = None
    brief: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] | None = None
    picture: Image | None = None
    max_cost: float | None = None
    rewrite: Sequence[str] = ()
    without: Sequence[str] = ()
    yes: bool = False
    review: bool = False
    once: str = ""


def policy_for(options: RunOptions, *, named: bool = False) -> QuestionPolicy:
    """How questions are treated; `named` where it is said in other words what is to be done."""
    named = named or options.groups is not None or bool(options.rewrite or options.without)
    return question_policy(told_groups=named, yes=options.yes, review=options.review)


def image_files(options: RunOptions) -> dict[str, str]:
    """The file that is kept for what a person showed."""
    return {options.picture.hash: options.picture.base64} if options.picture else {}


def question_policy(*, told_groups: bool, yes: bool, review: bool) -> QuestionPolicy:
    """How questions are treated.

    Who names the groups beforehand wants no choice with a default put to them; `yes` takes every
    default; `review` has the review asked all the same.
    """
    ask = ("review",) if review else ()
    if yes:
        return QuestionPolicy(accept=("text", "choice", "choices", "picture"), ask=ask)
    return QuestionPolicy(accept=("choice", "picture") if told_groups else (), ask=ask)
