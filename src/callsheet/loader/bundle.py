"""Finds a workflow and opens it, as it is today or as it was kept with a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.catalog.groups import read_catalog, takes_guests
from callsheet.errors import (
    GroupProblem,
    InputError,
    StorageError,
    UnknownNameError,
    WorkflowError,
)
from callsheet.loader.group_problems import group_problems
from callsheet.loader.plugins import find_group_packs
from callsheet.loader.validation import validate_workflow
from callsheet.modules.contract import Resources
from callsheet.workflow.definition import FILE, WorkflowDefinition, read_definition
from callsheet.workflow.folder import WorkflowFolder, content_hash, folder_in_memory, folder_on_disk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.errors import Problem
    from callsheet.store.port import Store

DEFAULT_WORKFLOW = "oms"

CONFIG = "config.json"

BUILT_IN_CONFIG = ":config.json"
"""How callsheet's own config is kept with a run; no path of a workflow can be called so."""

PLUGIN_CONFIGS = ":groups/"
"""How the configs of installed packs are kept, each behind this and by its name."""


@dataclass(frozen=True, eq=False)
class WorkflowBundle:
    """A workflow with all that its modules may look at.

    `source` is where it is found again: its name, or the absolute path of its file. `guests` are
    the configs of the installed packs it takes, by the file that messages call them.
    """

    source: str
    file: str
    definition: WorkflowDefinition
    resources: Resources
    guests: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the workflow calls itself."""
        return self.definition.workflow.workflow_id

    @property
    def kept_files(self) -> dict[str, str]:
        """Every file a run of it needs, by path."""
        guests = {f"{PLUGIN_CONFIGS}{name}": text for name, text in self.guests.items()}
        return {**self.resources.files.files, BUILT_IN_CONFIG: _built_in_config(), **guests}

    def manifest(self) -> tuple[str, dict[str, str]]:
        """The files as one text, which a run is kept with, and its content hash before it.

        One text, since a batch keeps it with each of its runs: a row for every file would be
        most of what such a run writes.
        """
        kept = {"source": self.source, "file": self.file, "files": self.kept_files}
        text = json.dumps(kept, sort_keys=True)
        return content_hash(text), {content_hash(text): text}


def built_in_workflows() -> dict[str, Path]:
    """The workflows that come with callsheet, by name."""
    root = Path(str(files("callsheet"))) / "workflows"
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{FILE}"))}


def load_workflow(name: str = DEFAULT_WORKFLOW) -> WorkflowBundle:
    """The workflow of this name, in this folder, or in this file.

    Raises InputError where it cannot be used. A group that cannot be used is no reason: it stays in
    the catalog with its problems, and choosing it is an error.
    """
    bundle, problems = inspect_workflow(name)
    if fatal := [each for each in problems if not isinstance(each, GroupProblem)]:
        raise WorkflowError(fatal)
    return bundle


def inspect_workflow(name: str = DEFAULT_WORKFLOW) -> tuple[WorkflowBundle, list[Problem]]:
    """A workflow and everything wrong with what its modules are given.

    Raises WorkflowError where it cannot even be read, UnknownNameError where it is not found.
    """
    root, file = _find(name)
    source = name if name in built_in_workflows() else str((root / file).resolve())
    bundle = _read_on_disk(source, root, file)
    return _validated(bundle)


def _validated(bundle: WorkflowBundle) -> tuple[WorkflowBundle, list[Problem]]:
    """The bundle with each group's problems in its catalog, and the problems of all modules."""
    problems = validate_workflow(bundle.definition, bundle.resources)
    catalog = bundle.resources.catalog
    if by_group := group_problems(bundle.resources, problems):
        resources = replace(bundle.resources, catalog=catalog.with_problems(by_group))
        bundle = replace(bundle, resources=resources)
    return bundle, problems


async def load_stored(store: Store, manifest: str) -> WorkflowBundle:
    """The workflow as it was kept with a run."""
    return _from_manifest(await store.file(manifest))


# Those who carry on one run after another meet the same workflow again and again.
@lru_cache(maxsize=8)
def _from_manifest(text: str) -> WorkflowBundle:
    try:
        kept = json.loads(text)
        texts = {str(path): str(text) for path, text in kept["files"].items()}
        source, file = str(kept["source"]), str(kept["file"])
        config = texts.pop(BUILT_IN_CONFIG)
        names = [path for path in texts if path.startswith(PLUGIN_CONFIGS)]
        guests = {path.removeprefix(PLUGIN_CONFIGS): texts.pop(path) for path in names}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StorageError(
            "the workflow kept with the run cannot be read",
            hint="`callsheet retry` uses today's files",
        ) from error
    bundle, _ = _validated(_read(source, folder_in_memory(source, texts), file, config, guests))
    return bundle


def _find(name: str) -> tuple[Path, str]:
    known = built_in_workflows()
    if name in known:
        return known[name], FILE
    path = Path(name)
    try:
        if path.is_dir():
            return path, FILE
        if path.is_file():
            return path.parent, path.name
    except OSError as error:
        raise InputError(
            f"the workflow {name!r:.200} cannot be opened: {error.strerror}"
        ) from error
    raise UnknownNameError("workflow", name, known)


def _read_on_disk(source: str, root: Path, file: str) -> WorkflowBundle:
    """The workflow as it is now, with the installed packs where it takes guests."""
    folder = folder_on_disk(root)
    if not (folder.has(CONFIG) and takes_guests(folder.read(CONFIG))):
        return _read(source, folder, file, _built_in_config(), {})
    packs = find_group_packs()
    folder = folder_on_disk(root, *(pack.folder for pack in packs))
    configs = {pack.file: pack.config for pack in packs}
    return _read(source, folder, file, _built_in_config(), configs)


def _read(
    source: str, folder: WorkflowFolder, file: str, built_in: str, guests: Mapping[str, str]
) -> WorkflowBundle:
    definition = read_definition(folder, file)
    own = folder.read(CONFIG) if folder.has(CONFIG) else None
    catalog = read_catalog(built_in, own, guests)
    return WorkflowBundle(source, file, definition, Resources(folder, catalog), guests)


def _built_in_config() -> str:
    return files("callsheet").joinpath(CONFIG).read_text("utf-8")
