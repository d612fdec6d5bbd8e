"""What a request wishes for, as the verbs of every face take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.runs import Wish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.settings import Settings
    from callsheet.web.forms import Carrying


def wish_of(
    settings: Settings,
    body: Carrying,
    *,
    groups: Sequence[str] | None = None,
    rewrite: Sequence[str] = (),
    once: str = "",
) -> Wish:
    """The wish; no request lifts the ceiling that the server was started with."""
    ceilings = [each for each in (body.max_cost, settings.max_cost) if each is not None]
    return Wish(
        llm=body.llm,
        brief=getattr(body, "brief", {}),
        groups=groups,
        max_cost=min(ceilings) if body.max_cost is not None else None,
        rewrite=tuple(rewrite),
        yes=getattr(body, "yes", False),
        review=getattr(body, "review", False),
        once=once,
    )
