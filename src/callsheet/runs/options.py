"""The options of a run, and the question policy that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.events import QuestionPolicy
from callsheet.llm.providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callsheet.engine.run_view import RunView
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.images import Image
    from callsheet.settings import Settings


@dataclass(frozen=True)
class RunOptions:
    """What a person chose for starting, resuming or retrying a run.

    None means not given: a new run takes the setting or the default, an existing run keeps its own.
    `still` names the model whose still the motion prompts are written for. A retry skips
    `deselected_categories`; `rewrite` names models whose prompts it writes again, changed as `wish`
    says.
    """

    llm: str | None = None
    base_url: str | None = None
    brief: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] | None = None
    image: Image | None = None
    still: str | None = None
    max_cost: float | None = None
    idea_check: IdeaCheckMode | None = None
    call_options: CallOptions = NO_OPTIONS
    rewrite: Sequence[str] = ()
    wish: str = ""
    deselected_categories: Sequence[str] = ()
    accept_defaults: bool = False
    review: bool = False
    idempotency_key: str = ""


def call_options(
    options: RunOptions, spec: str, settings: Settings, view: RunView | None = None
) -> CallOptions:
    """Return how the LLM is asked: by the options, else as in the run, else by the settings."""
    if view is not None and view.llm == spec:
        return options.call_options.over(view.call_options)
    provider = provider_of(spec)
    if provider is not None and provider.factory:
        # What the settings say is meant for LLMs that cost something.
        return options.call_options
    return options.call_options.over(settings.call_options)


def limits_for(
    options: RunOptions, settings: Settings, view: RunView | None = None
) -> dict[str, Any]:
    """Return what a run may cost and how it is judged: by the options, else as in the run, else by the settings."""
    before = settings if view is None else view
    return {
        "max_cost": before.max_cost if options.max_cost is None else options.max_cost,
        "idea_check": before.idea_check if options.idea_check is None else options.idea_check,
    }


def policy_for(options: RunOptions, *, named: bool = False) -> QuestionPolicy:
    """Return the question policy; `named` where other options say already what is to be done."""
    named = (
        named
        or options.groups is not None
        or bool(options.rewrite or options.deselected_categories)
    )
    return question_policy(
        groups_chosen=named, accept_defaults=options.accept_defaults, review=options.review
    )


def image_files(options: RunOptions) -> dict[str, str]:
    """Return the file to store for the person's image, by its hash."""
    return {options.image.hash: options.image.base64} if options.image else {}


def question_policy(*, groups_chosen: bool, accept_defaults: bool, review: bool) -> QuestionPolicy:
    """Return which questions are answered by their defaults, and which are asked in any case.

    A run with chosen groups is asked no choice that has a default; `accept_defaults` takes every
    default; with `review`, the review is asked in any case.
    """
    ask = ("review",) if review else ()
    if accept_defaults:
        return QuestionPolicy(accept=("text", "choice", "choices", "picture"), ask=ask)
    return QuestionPolicy(accept=("choice", "picture") if groups_chosen else (), ask=ask)
