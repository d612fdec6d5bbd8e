"""Creates copies of workflows, and the files of a new group to fill in."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from callsheet.catalog.examples import examples_path
from callsheet.catalog.schemas import schema_path
from callsheet.errors import InputError, StorageError, UnknownNameError
from callsheet.jsonc import insert_member
from callsheet.loader.bundle import CONFIG, built_in_workflows, inspect_workflow
from callsheet.modules.support.drafts import drafts_path
from callsheet.workflow.definition import FILE

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from callsheet.catalog.groups import Catalog

FORMATS = {"video_generation": "motion-text"}
"""The format of a new group's schema by category, where it is not plain text."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ALONE = '{\n  "extends": true,\n  "model_groups": {}\n}\n'


def copy_workflow(source: str, target: Path) -> list[str]:
    """Copies a built-in workflow, with its own list of groups; returns the files.

    Raises InputError where the target exists already.
    """
    known = built_in_workflows()
    if source not in known:
        raise UnknownNameError("workflow", source, known)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} exists already", hint="name a new or empty folder")
    texts = {
        path.relative_to(known[source]).as_posix(): path.read_text("utf-8")
        for path in sorted(known[source].rglob("*"))
        if path.is_file()
    }
    texts.setdefault(CONFIG, files("callsheet").joinpath(CONFIG).read_text("utf-8"))
    name = re.sub(r"\W+", "_", target.resolve().name, flags=re.ASCII).strip("_") or source
    own = f'"workflow_id": "{name[:64]}"'
    texts[FILE] = texts[FILE].replace(f'"workflow_id": "{source}"', own, 1)
    _write(target, texts)
    return list(texts)


def new_group(name: str, category: str, folder: Path, today: dt.date) -> list[str]:
    """Writes the files of a new group, to be filled in; returns those that are new or changed.

    Raises InputError where the group, or one of its files, exists already.
    """
    catalog = _catalog(name, category, folder)
    model = _model(name, catalog)
    holes = {
        "NAME": name,
        "MODEL": model,
        "FORMAT": FORMATS.get(category, "plain-text"),
        "DATE": today.isoformat(),
    }
    texts = {
        f"prompts/{category}/{name}_instructions.txt": _filled_template("instructions.txt", holes),
        schema_path(category, name): _filled_template("schema.json", holes),
        drafts_path(category, name): _filled_template("draft.json", holes),
        examples_path(category, name): _filled_template("examples.json", holes),
    }
    for path in texts:
        if (folder / path).exists():
            raise InputError(
                f"{folder / path} exists already", hint="move it, or choose another name"
            )
    config = config_path(folder)
    there = folder / config
    text = there.read_text("utf-8") if there.exists() else _ALONE
    entry = _filled_template("entry.json", holes)
    _write(folder, {config: _with_entry(text, category, entry), **texts})
    return [config, *texts]


def config_path(folder: Path) -> str:
    """The config that the folder's workflow reads its groups from, relative to the folder.

    A built-in workflow without a config of its own, as `oms`, has its groups in the package's.
    """
    built_in = {path.resolve() for path in built_in_workflows().values()}
    if (folder / CONFIG).exists() or folder.resolve() not in built_in:
        return CONFIG
    return f"../../{CONFIG}"


def _catalog(name: str, category: str, folder: Path) -> Catalog:
    """The groups that the folder's workflow has; raises InputError where the new one does not fit."""
    if not (folder / FILE).is_file():
        hint = "make one: callsheet init DIR, then --workflow DIR"
        raise InputError(f"{folder} is not a folder with a `{FILE}`", hint=hint)
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r:.80} is not a valid group name",
            hint="use lower-case letters, digits and underscores",
        )
    bundle, _ = inspect_workflow(str(folder))
    catalog = bundle.resources.catalog
    catalog.category(category)
    if name in {group.name for group in catalog.groups()}:
        raise InputError(f"there is a group `{name}` already", hint="choose another name")
    return catalog


def _model(name: str, catalog: Catalog) -> str:
    taken = {model for group in catalog.groups() for model in group.models}
    return name.upper() if name.upper() not in taken else f"{name.upper()}_A"


def _filled_template(file: str, holes: dict[str, str]) -> str:
    text = files("callsheet").joinpath("new_group", file).read_text("utf-8")
    words = "|".join(holes)
    return re.sub(rf"\b(?:{words})\b", lambda found: holes[found[0]], text)


def _with_entry(config: str, category: str, entry: str) -> str:
    groups = ("model_groups",)
    added = insert_member(config, (*groups, category), entry)
    if added is None:
        member = f'"{category}": {insert_member("{}", (), entry)}'
        added = insert_member(config, groups, member)
    if added is None:
        raise InputError(f"{CONFIG} has no `model_groups`", hint="an object of groups by category")
    return added


def _write(folder: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error
