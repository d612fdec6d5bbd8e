"""How current a group is: when it was checked, against which sources, and when its service closes."""

from __future__ import annotations

import datetime as dt  # pydantic reads the types when it builds the models
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

MOST_DAYS = 60
"""A group whose last check is this many days old is reported as outdated."""


class Source(BaseModel):
    """A source: an address or a name, the day it was read, and a grade.

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


class Retirement(BaseModel):
    """The end of a group's service: the day, which may be ahead, and the successor."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # The second names are those of the earliest configs, which are stored with runs.
    date: dt.date = Field(validation_alias=AliasChoices("date", "on"))
    successor: str = Field(
        default="",
        validation_alias=AliasChoices("successor", "note"),
        description="What serves in its place, in a few words.",
    )

    def words(self, label: str, today: dt.date) -> str:
        """The retirement in one line, as every interface shows it."""
        verb = "closed" if self.date <= today else "closes"
        return f"{label} {verb} on {self.date}; successor: {self.successor}"


def days_since(checked: dt.date, today: dt.date) -> int:
    """Days since the check; 0 where the clock is behind."""
    return max(0, (today - checked).days)


def age(checked: dt.date, today: dt.date) -> str:
    """How long ago, in words."""
    days = days_since(checked, today)
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def is_old(checked: dt.date | None, today: dt.date) -> bool:
    """Whether it is time to check again; false for a group without a date."""
    return checked is not None and days_since(checked, today) >= MOST_DAYS
