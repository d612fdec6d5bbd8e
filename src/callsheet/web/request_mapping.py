"""Maps request bodies to run options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.call_options import CallOptions
from callsheet.images import read_base64
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.images import Image
    from callsheet.settings import Settings
    from callsheet.web.request_models import ExecutionRequest


def parse_image(text: str | None) -> Image | None:
    """Parse the image of a request; raises AnswerError for anything else."""
    return None if text is None else read_base64(text)


def cost_limit(settings: Settings, requested: float | None) -> float | None:
    """Return the lower limit: no request raises the budget of the server."""
    return min((each for each in (requested, settings.max_cost) if each is not None), default=None)


def run_options(
    settings: Settings,
    body: ExecutionRequest,
    *,
    groups: Sequence[str] | None = None,
    rewrite: Sequence[str] = (),
    idempotency_key: str = "",
) -> RunOptions:
    """Return the run options of a request."""
    return RunOptions(
        llm=body.llm,
        brief=getattr(body, "brief", {}),
        groups=groups,
        image=parse_image(getattr(body, "picture", None)),
        still=getattr(body, "still", None),
        max_cost=cost_limit(settings, body.max_cost) if body.max_cost is not None else None,
        idea_check=body.idea_check,
        call_options=CallOptions(body.tier, body.effort, body.temperature),
        rewrite=tuple(rewrite),
        wish=getattr(body, "wish", ""),
        deselected_categories=tuple(getattr(body, "without", ())),
        accept_defaults=getattr(body, "yes", False),
        review=getattr(body, "review", False),
        idempotency_key=idempotency_key,
    )
