"""What a request wishes for, as the verbs of every face take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.images import read_base64
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.images import Image
    from callsheet.settings import Settings
    from callsheet.web.request_models import Carrying


def parse_image(text: str | None) -> Image | None:
    """The picture that a request brings; raises AnswerError for what is none."""
    return None if text is None else read_base64(text)


def cost_limit(settings: Settings, wished: float | None) -> float | None:
    """The lower one: no request lifts the ceiling that the server was started with."""
    return min((each for each in (wished, settings.max_cost) if each is not None), default=None)


def run_options(
    settings: Settings,
    body: Carrying,
    *,
    groups: Sequence[str] | None = None,
    rewrite: Sequence[str] = (),
    idempotency_key: str = "",
) -> RunOptions:
    """The wish of a request."""
    return RunOptions(
        llm=body.llm,
        brief=getattr(body, "brief", {}),
        groups=groups,
        image=parse_image(getattr(body, "picture", None)),
        max_cost=cost_limit(settings, body.max_cost) if body.max_cost is not None else None,
        rewrite=tuple(rewrite),
        deselected_categories=tuple(getattr(body, "without", ())),
        accept_defaults=getattr(body, "yes", False),
        review=getattr(body, "review", False),
        idempotency_key=idempotency_key,
    )
