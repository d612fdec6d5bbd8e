"""What a request wishes for, as the verbs of every face take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.app.runs import Wish
from callsheet.pictures import read_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.pictures import Picture
    from callsheet.settings import Settings
    from callsheet.web.forms import Carrying


def picture_of(text: str | None) -> Picture | None:
    """The picture that a request brings; raises AnswerError for what is none."""
    return None if text is None else read_base64(text)


def ceiling(settings: Settings, wished: float | None) -> float | None:
    """The lower one: no request lifts the ceiling that the server was started with."""
    return min((each for each in (wished, settings.max_cost) if each is not None), default=None)


def wish_of(
    settings: Settings,
    body: Carrying,
    *,
    groups: Sequence[str] | None = None,
    rewrite: Sequence[str] = (),
    once: str = "",
) -> Wish:
    """The wish of a request."""
    return Wish(
        llm=body.llm,
        brief=getattr(body, "brief", {}),
        groups=groups,
        picture=picture_of(getattr(body, "picture", None)),
        max_cost=ceiling(settings, body.max_cost) if body.max_cost is not None else None,
        rewrite=tuple(rewrite),
        without=tuple(getattr(body, "without", ())),
        yes=getattr(body, "yes", False),
        review=getattr(body, "review", False),
        once=once,
    )
