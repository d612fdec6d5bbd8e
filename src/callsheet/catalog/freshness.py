"""What keeps a group true: when it was last checked, against which sources, and if it has closed."""

from __future__ import annotations

import datetime as dt  # pydantic reads the types when it builds the models
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_DAYS = 120
"""How long what is known of a model may stand without a look at its sources."""


class Source(BaseModel):
    """Where something was learnt: an address or a name, when it was read, and how sure it is.

    A: the vendor's page or code. B: somebody quoting it. C: practice. ?: sources disagree.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    url: str = ""
    name: str = ""
    date: dt.date
    grade: Literal["A", "B", "C", "?"]

    @model_validator(mode="after")
    def _named(self) -> Source:
        if not self.url and not self.name:
            raise ValueError("a source has a `url`, a `name`, or both")
        return self

    def __str__(self) -> str:
        return self.name or self.url.partition("://")[2].rstrip("/") or self.url


class Closed(BaseModel):
    """That a group's service has ended: on which day, and what to use in its place."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    date: dt.date
    successor: str = Field(description="What serves in its place, in a few words.")

    def words(self, label: str) -> str:
        """The closing in one line, as every face tells it."""
        return f"{label} closed on {self.date}; in its place: {self.successor}"


def days_since(checked: dt.date, today: dt.date) -> int:
    """How many days ago something was checked; a clock that runs behind makes that none."""
    return max(0, (today - checked).days)


def age(checked: dt.date, today: dt.date) -> str:
    """How long ago, as a person says it."""
    days = days_since(checked, today)
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def is_old(checked: dt.date | None, today: dt.date) -> bool:
    """Whether it is time to look again; a group that does not say is left alone."""
    return checked is not None and days_since(checked, today) > MOST_DAYS
