"""Reads the model groups of a config file: which can be chosen, and which models each has."""

from __future__ import annotations

import datetime as dt  # pydantic reads the types when it builds the models
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callsheet.catalog.freshness import Retirement, Source
from callsheet.errors import InputError, Problem, UnknownNameError, WorkflowError, nearest_first
from callsheet.jsonc import NotJsonError, parse, place_and_words
from callsheet.templates import check_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Ratio = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?:[1-9][0-9]?$")]


class GroupEntry(BaseModel):
    """A model group as written in a config file."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    models: tuple[Name, ...] = Field(min_length=1, description="The output keys of the group.")
    label: str = Field(description="What a person reads in the list.")
    description: str = Field(description="What it is good for, in a few words.")
    default: str = Field(
        default="", description="Kept for the form's sake; nothing is preselected."
    )
    version: str = Field(default="", description="The models' versions that it is written for.")
    checked: dt.date | None = Field(
        default=None, description="The day on which it was last held against its sources."
    )
    sources: tuple[Source, ...] = Field(default=(), description="Where its facts come from.")
    closed: Retirement | None = Field(
        default=None, description="The end of the service, once its day is known."
    )
    successor: Name | None = Field(
        default=None, description="The group that replaces it, of the same category."
    )
    aspect_ratios: tuple[Ratio, ...] = Field(
        default=(), description="The aspect ratios that its models take; without them, any."
    )
    tools: tuple[Name, ...] = Field(
        default=(),
        description="The tools that its prompts go to, as `lint --for` names them.",
    )
    settings: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict,
        description="By model, what a person must set outside the prompt; short templates that"
        " the brief fills.",
    )


_OPTIONAL = ", ".join(
    f"`{name}`"
    for name in GroupEntry.model_fields
    if name not in ("models", "label", "description")
)


class GroupConfig(BaseModel):
    """A `config.json`: model groups by category, alone or on top of the built-in ones.

    With `guests`, the groups of installed packages follow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    extends: bool = False
    guests: bool = False
    model_groups: dict[Name, dict[Name, GroupEntry]]


@dataclass(frozen=True)
class Group:
    """A model group: what a person chooses.

    `problems` say why it cannot be chosen; a group that is finished has none. A group with a
    `successor` is an older one: it is chosen by its name, and no list of choices shows it.
    """

    name: str
    category: str
    models: tuple[str, ...]
    label: str
    description: str
    version: str = ""
    checked: dt.date | None = None
    sources: tuple[Source, ...] = ()
    closed: Retirement | None = None
    successor: str | None = None
    aspect_ratios: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def notice(self, today: dt.date) -> str | None:
        """What a person who chooses the group must know: that it closes, or is replaced."""
        if self.closed:
            return self.closed.words(self.label, today)
        return f"{self.label} is replaced by `{self.successor}`" if self.successor else None


@dataclass(frozen=True)
class Selection:
    """Chosen groups and the chosen models of each, both in the order of the config."""

    groups: list[str]
    models: list[str]


@dataclass(frozen=True)
class Catalog:
    """Every model group by category and name, in the order of the config."""

    categories: Mapping[str, Mapping[str, Group]]

    def category(self, name: str) -> Mapping[str, Group]:
        """The groups of a category; raises UnknownNameError."""
        if name not in self.categories:
            raise UnknownNameError("category", name, self.categories)
        return self.categories[name]

    def with_problems(self, problems: Mapping[str, Sequence[Problem]]) -> Catalog:
        """The same groups, each with its problems by the group's name."""
        return Catalog(
            {
                category: {
                    name: replace(group, problems=tuple(problems.get(name, ())))
                    for name, group in groups.items()
                }
                for category, groups in self.categories.items()
            }
        )

    def usable(self, names: Iterable[str]) -> list[str]:
        """Those of the names whose groups have no problems."""
        unusable = {group.name for group in self.groups() if group.problems}
        return [name for name in names if name not in unusable]

    def current(self, names: Iterable[str], chosen: Collection[str] = ()) -> list[str]:
        """What `all` stands for among the names: no older group and none with problems, if not `chosen`."""
        older = {group.name for group in self.groups() if group.successor}
        return [name for name in self.usable(names) if name not in older or name in chosen]

    def groups(self) -> Iterator[Group]:
        """All groups, category by category."""
        for groups in self.categories.values():
            yield from groups.values()

    def group(self, name: str) -> Group:
        """The group of this name, of whichever category; raises UnknownNameError."""
        known = {group.name: group for group in self.groups()}
        if name not in known:
            raise UnknownNameError("model group", name, known)
        return known[name]

    def in_order(self, names: Iterable[str]) -> list[str]:
        """The names once each, in the order of the config; unknown ones last, in their own order."""
        wanted = list(dict.fromkeys(names))
        known = [group.name for group in self.groups() if group.name in wanted]
        return known + [name for name in wanted if name not in known]

    def select(self, names: Iterable[str]) -> Selection:
        """What names choose: `GROUP` all of its models, `GROUP/MODEL` one; raises UnknownNameError."""
        chosen: dict[str, set[str]] = {}
        for name in names:
            group, slash, model = name.partition("/")
            known = self.group(group).models
            if slash and model not in known:
                raise UnknownNameError("model", model, known)
            chosen.setdefault(group, set()).update([model] if slash else known)
        groups = self.in_order(chosen)
        models = [m for name in groups for m in self.group(name).models if m in chosen[name]]
        return Selection(groups, models)

    def names_of(self, groups: Iterable[str], models: Collection[str]) -> list[str]:
        """The names that choose exactly these models of these groups, as `select` reads them."""
        names: list[str] = []
        for group in map(self.group, groups):
            chosen = [model for model in group.models if model in models]
            whole = len(chosen) == len(group.models)
            names += [group.name] if whole else [f"{group.name}/{model}" for model in chosen]
        return names

    def siblings(self, names: Iterable[str], category: str) -> list[str]:
        """All groups of the categories that the names belong to, or else of `category`."""
        named = set(names)
        homes = [c for c, groups in self.categories.items() if named & set(groups)]
        homes = homes or [c for c in self.categories if c == category]
        return [name for home in homes for name in self.categories[home]]

    def group_of(self, model: str) -> Group:
        """The one group that a model belongs to; raises UnknownNameError."""
        known = {model: group for group in self.groups() for model in group.models}
        if model not in known:
            raise UnknownNameError("model", model, known)
        return known[model]


def read_catalog(
    built_in: str,
    own: str | None = None,
    packs: Mapping[str, str] = MappingProxyType({}),
    *,
    file: str = "config.json",
) -> Catalog:
    """The groups of the workflow's own config, or of the built-in one where it has none.

    With `"extends": true` the own config adds to the built-in groups and replaces those that it
    names. `packs` are the configs of installed packages by file; the workflow's own groups take
    precedence over theirs. Raises WorkflowError with every problem.
    """
    config = _config(built_in if own is None else own, file)
    merged = {name: dict(groups) for name, groups in config.model_groups.items()}
    if config.extends:
        merged = {name: dict(each) for name, each in _config(built_in, file).model_groups.items()}
        for category, groups in config.model_groups.items():
            merged.setdefault(category, {}).update(groups)
    for pack, text in packs.items():
        for category, groups in _config(text, pack).model_groups.items():
            there = merged.setdefault(category, {})
            there.update({name: each for name, each in groups.items() if name not in there})
    return _catalog(merged, file)


def accepts_plugins(own: str, *, file: str = "config.json") -> bool:
    """Whether a workflow's config accepts the groups of installed packages."""
    try:
        return _config(own, file).guests
    except WorkflowError:
        # Its problems are reported where it is read.
        return False


def _config(text: str, file: str) -> GroupConfig:
    try:
        return GroupConfig.model_validate(parse(text, file))
    except NotJsonError as error:
        raise WorkflowError([error.problem]) from error
    except ValidationError as error:
        raise WorkflowError([_problem(detail, file) for detail in error.errors()]) from error


def _problem(detail: ErrorDetails, file: str) -> Problem:
    path, words = place_and_words(detail)
    return Problem(
        file,
        f"${path}",
        words,
        f"a group has `models`, `label`, `description`, and may have {_OPTIONAL}",
    )


def _catalog(entries: Mapping[str, Mapping[str, GroupEntry]], file: str) -> Catalog:
    if problems := [
        *_repeated(entries, file),
        *_settings(entries, file),
        *_successors(entries, file),
    ]:
        raise WorkflowError(problems)
    return Catalog(
        {
            category: {name: _group(name, category, entry) for name, entry in groups.items()}
            for category, groups in entries.items()
        }
    )


def _group(name: str, category: str, entry: GroupEntry) -> Group:
    fields = {key: getattr(entry, key) for key in GroupEntry.model_fields if key != "default"}
    if entry.closed and not entry.closed.successor:
        fields["closed"] = entry.closed.model_copy(update={"successor": f"`{entry.successor}`"})
    return Group(name=name, category=category, **fields)


def _successors(entries: Mapping[str, Mapping[str, GroupEntry]], file: str) -> Iterator[Problem]:
    """Successors that are no current group of the same category, and closings without any."""
    for category, groups in entries.items():
        current = [name for name, entry in groups.items() if not entry.successor]
        for name, entry in groups.items():
            path = f"$.model_groups.{category}.{name}"
            if entry.successor and entry.successor not in current:
                why = (
                    "replaced itself" if entry.successor in groups else f"no group of `{category}`"
                )
                known = ", ".join(nearest_first(entry.successor, current)) or "none"
                message = f"the successor `{entry.successor}` is {why}"
                yield Problem(file, f"{path}.successor", message, f"current: {known}")
            elif entry.closed and not (entry.successor or entry.closed.successor):
                message = "it closes without a successor"
                hint = (
                    "name a group in `successor` of the entry, or describe it in `successor` here"
                )
                yield Problem(file, f"{path}.closed", message, hint)


def _settings(entries: Mapping[str, Mapping[str, GroupEntry]], file: str) -> Iterator[Problem]:
    """Settings of models that the group does not have, and lines that are no valid template."""
    for category, groups in entries.items():
        for name, entry in groups.items():
            path = f"$.model_groups.{category}.{name}.settings"
            for model, lines in entry.settings.items():
                if model not in entry.models:
                    hint = f"its models: {', '.join(entry.models)}"
                    yield Problem(file, path, f"the group has no model `{model}`", hint)
                for number, line in enumerate(lines):
                    try:
                        check_template(line, name="the line")
                    except InputError as error:
                        yield Problem(file, f"{path}.{model}[{number}]", error.message)


def _repeated(entries: Mapping[str, Mapping[str, GroupEntry]], file: str) -> Iterator[Problem]:
    """Models that are in two groups, and group names that are in two categories."""
    owner: dict[str, str] = {}
    homes: dict[str, str] = {}
    for category, groups in entries.items():
        for name, entry in groups.items():
            path = f"$.model_groups.{category}.{name}"
            if name in homes:
                yield Problem(file, path, f"a group `{name}` stands in `{homes[name]}` too")
            homes[name] = category
            for model in entry.models:
                if model in owner:
                    message = f"the model `{model}` already belongs to `{owner[model]}`"
                    yield Problem(file, f"{path}.models", message, "a model has exactly one group")
                owner[model] = name
