"""Lists what a group's files claim, for a person to check, and writes down what the check found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.authoring.scaffold import config_path
from callsheet.catalog.formats import find_format
from callsheet.catalog.groups import read_catalog
from callsheet.catalog.rules import ABOUT, keyword_kind
from callsheet.catalog.schemas import models_in, schema_path
from callsheet.errors import InputError, StorageError
from callsheet.jsonc import insert_member, json_text, parse, replace_value
from callsheet.loader.bundle import CONFIG, built_in_workflows, load_workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from callsheet.jsonc import JsonPath

SOURCES = "prompts/SOURCES.md"
"""A table for each group, under a heading with its name: a fact, its source, its grade."""

GRADES = ("A", "B", "C", "?")

_NO_GRADES = ("grade", "ours", "---")
"""The last cells of rows without a claim: the heading, the line below it, and callsheet's choices."""

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_CELL = re.compile(r"(?<!\\)\|")
_COUNTS = {"minLength": "at least {:,} characters", "maxLength": "at most {:,} characters"}


@dataclass(frozen=True)
class Claim:
    """One fact of a group: what it says, who says so, when that was read, and how sure it is.

    `place` leads to it in `file`: keys of JSON, or the number of a line. It is empty for what is
    changed in that file by hand.
    """

    about: str
    text: str
    source: str
    date: str
    grade: str
    file: str
    place: JsonPath = ()


@dataclass(frozen=True)
class Correction:
    """What a claim says now: only what is not empty has changed; and the day on which it was read."""

    day: str
    text: str = ""
    source: str = ""
    grade: str = ""


class GroupReview:
    """The claims of one group, and the files to write what was found to."""

    def __init__(self, name: str, workflow: str) -> None:
        self.workflow = workflow
        self.bundle = load_workflow(workflow)
        self.group = self.bundle.resources.catalog.group(name)
        self._entry: JsonPath = ("model_groups", self.group.category, name)
        self._schema = schema_path(self.group.category, name)

    def claims(self) -> list[Claim]:
        """The facts behind the instructions, those of entry and schema, the sources, the rules."""
        found = [*self._facts(), *self._of_entry(), *self._limits(), *self._sources()]
        return [*found, *self._rules()]

    def folder(self) -> Path:
        """The folder in which the group may be changed; raises InputError for an installed one."""
        known = built_in_workflows()
        root = known.get(self.workflow, Path(self.workflow))
        root = root.parent if root.is_file() else root
        if root.resolve() in known.values() and not is_source_checkout(root):
            message = f"`{self.group.name}` is part of the installed package, which is not changed"
            copy = f"callsheet init mine --from {self.bundle.name}"
            again = f"callsheet groups review {self.group.name} --workflow mine"
            raise InputError(message, hint=f"copy the workflow: {copy}; then {again}")
        config = root / config_path(root)
        found: Any = parse(_read(config), CONFIG) if config.exists() else None
        for name in self._entry:
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            message = f"`{self.group.name}` comes from an installed package, which is not changed"
            hint = f"copy its entry to {config}, and its files beside it; then repeat the command"
            raise InputError(message, hint=hint)
        return root

    def confirm(self, day: str) -> None:
        """Writes that all claims hold: the day becomes the date of the check and of every source."""
        text = self._text(CONFIG)
        for number in range(len(self.group.sources)):
            text = _set(text, (*self._entry, "sources", number, "date"), day)
        self._write(CONFIG, _set(text, (*self._entry, "checked"), day))

    def change(self, claim: Claim, now: Correction) -> None:
        """Writes what a claim says now; raises InputError for what does not fit, and writes nothing."""
        if not claim.place:
            raise InputError(f"{claim.about}: not changed here", hint=f"change it in {claim.file}")
        text = self._text(claim.file)
        if claim.file == SOURCES:
            text = _with_row(text, claim.place[0], (now.text, now.source, now.grade))
        elif claim.file == self._schema:
            text = _with_limit(text, claim, now)
        else:
            text = _with_fact(text, claim, now)
            read_catalog(text, text, self.bundle.packs)
        self._write(claim.file, text)

    def _facts(self) -> Iterator[Claim]:
        """The rows of the group's table in the list of sources."""
        own, checked = False, str(self.group.checked or "")
        text = self.bundle.resources.files.read_if_there(SOURCES)
        for number, line in enumerate(text.splitlines()):
            if line.startswith("## "):
                own = self.group.name in re.split(r"[\s,]+", line)
            match [cell.strip() for cell in _CELL.split(line)[1:-1]]:
                case [fact, source, grade] if own and grade not in _NO_GRADES:
                    yield Claim("fact", fact, source, checked, grade, SOURCES, (number,))
                case _:
                    pass

    def _of_entry(self) -> Iterator[Claim]:
        group, source = self.group, "the group's sources"
        checked = str(group.checked or "")
        facts: dict[str, tuple[str, JsonPath]] = {"version": (group.version, ("version",))}
        if group.aspect_ratios:
            facts["aspect ratios"] = (", ".join(group.aspect_ratios), ("aspect_ratios",))
        if group.closed:
            facts["closing day"] = (str(group.closed.date), ("closed", "date"))
        for model, lines in group.settings.items():
            facts[f"settings of {model}"] = ("; ".join(lines), ("settings", model))
        for about, (text, place) in facts.items():
            yield Claim(about, text, source, checked, "", CONFIG, (*self._entry, *place))

    def _limits(self) -> Iterator[Claim]:
        """What the schema's keywords say on somebody else's word."""
        folder = self.bundle.resources.files
        if not folder.has(self._schema):
            return
        schema: Any = parse(folder.read(self._schema), self._schema)
        for model, node in models_in(schema).items():
            for name, inner, place in _texts(model, node, ("properties", "prompts", "properties")):
                for keyword, about in inner.get(ABOUT, {}).items():
                    source = str(about.get("source", ""))
                    if keyword in inner and keyword_kind(about) != "house":
                        words = _COUNTS.get(keyword, f"{keyword} {{}}").format(inner[keyword])
                        where = (*place, keyword) if keyword in _COUNTS else ()
                        day = _DATE.search(source)
                        date = day[0] if day else ""
                        yield Claim(name, words, source, date, "", self._schema, where)

    def _sources(self) -> Iterator[Claim]:
        for number, each in enumerate(self.group.sources):
            place = (*self._entry, "sources", number)
            yield Claim("source", each.name, each.url, str(each.date), each.grade, CONFIG, place)

    def _rules(self) -> Iterator[Claim]:
        """The rules of the formats that the schema names, where they have a source."""
        text = self.bundle.resources.files.read_if_there(self._schema)
        said: set[str] = set()
        for name in dict.fromkeys(re.findall(r'"format":\s*"([^"]*)"', text)):
            named = find_format(name)
            for rule in named.rules if named else ():
                if rule.sure != "ours" and rule.words not in said:
                    said.add(rule.words)
                    about, file = f"{name}: {rule.name}", f"the format `{name}` (docs/extending.md)"
                    yield Claim(about, rule.words, rule.source, rule.date, rule.sure, file)

    def _path(self, file: str) -> Path:
        root = self.folder()
        return root / (config_path(root) if file == CONFIG else file)

    def _text(self, file: str) -> str:
        return _read(self._path(file))

    def _write(self, file: str, text: str) -> None:
        target = self._path(file)
        try:
            target.write_bytes(text.encode())
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error


def is_source_checkout(folder: Path) -> bool:
    """Whether a built-in workflow's folder is that of a checkout, and not of an installed package."""
    package = Path(str(files("callsheet"))).resolve()
    return package in folder.resolve().parents and (package.parents[1] / "pyproject.toml").is_file()


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _texts(name: str, node: Any, place: JsonPath) -> Iterator[tuple[str, dict[str, Any], JsonPath]]:
    """A model's text, or each of its texts, with its name and its place in the schema."""
    here = (*place, name.rpartition(".")[2])
    yield name, node, here
    for field, inner in node.get("properties", {}).items():
        yield from _texts(f"{name}.{field}", inner, (*here, "properties"))


def _set(text: str, place: JsonPath, value: JsonValue) -> str:
    """The JSON with this value; a member that is not there is added."""
    new = replace_value(text, place, value)
    if new is None:
        new = insert_member(text, place[:-1], f"{json_text(place[-1])}: {json_text(value)}")
    if new is None:
        raise InputError(f"{CONFIG} has no {'.'.join(map(str, place[:-1]))}")
    return new


def _with_fact(config: str, claim: Claim, now: Correction) -> str:
    """The config with another source, or another fact of the group's entry."""
    if "sources" in claim.place:
        parts = {"name": now.text, "url": now.source, "grade": now.grade, "date": now.day}
        for name, part in parts.items():
            config = _set(config, (*claim.place, name), part) if part else config
        return config
    if now.source or now.grade:
        raise InputError(f"{claim.about}: it rests on the group's sources", hint="change those")
    return _set(config, claim.place, _value(claim.place, now.text))


def _value(place: JsonPath, text: str) -> JsonValue:
    """The value that an entry's text stands for: ratios between commas, settings between semicolons."""
    if not text.strip():
        raise InputError("the changed fact is missing", hint="add --text TEXT")
    signs = {"aspect_ratios": ",", "settings": ";"}
    sign = next((signs[str(name)] for name in place[-2:] if name in signs), None)
    return text if sign is None else [part.strip() for part in text.split(sign) if part.strip()]


def _with_row(text: str, number: str | int, cells: tuple[str, ...]) -> str:
    """The table with other cells in one row; an empty one stays as it is."""
    lines = text.splitlines(keepends=True)
    row = _CELL.split(lines[int(number)])
    for index, cell in enumerate(cells, start=1):
        plain = _CELL.sub(r"\|", " ".join(cell.split()))
        row[index] = f" {plain} " if cell else row[index]
    lines[int(number)] = "|".join(row)
    return "".join(lines)


def _with_limit(schema: str, claim: Claim, now: Correction) -> str:
    """The schema with another limit, and its source with the day on which it was read."""
    number = now.text.replace(",", "")
    if now.grade:
        raise InputError(
            f"{claim.about}: a limit of the schema has no grade", hint="change a source"
        )
    if number and not number.isdecimal():
        raise InputError(f"{claim.about}: {now.text!r:.40} is not a number", hint="such as 2,500")
    if number:
        schema = _set(schema, claim.place, int(number))
    named = now.source or claim.source
    dated = _DATE.sub(now.day, named) if _DATE.search(named) else f"{named}, {now.day}"
    return _set(schema, (*claim.place[:-1], ABOUT, claim.place[-1], "source"), dated)
