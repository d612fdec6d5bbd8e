"""Finds a workflow and loads it, as it is now or as it was stored with a run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.catalog.groups import accepts_plugins, read_catalog
from callsheet.errors import (
    GroupProblem,
    InputError,
    StorageError,
    UnknownNameError,
    WorkflowError,
)
from callsheet.loader.plugins import find_group_packs
from callsheet.loader.validation import group_problems, validate_workflow
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
"""The name under which callsheet's own config is stored with a run; no file can have it."""

PLUGIN_CONFIGS = ":groups/"
"""The prefix under which the configs of installed packs are stored with a run."""

LISTS_HASHES = re.compile(r'"files": \{"[^"]*": "[0-9a-f]{64}"')
"""What is found in a manifest that lists the files by content hash."""


@dataclass(frozen=True, eq=False)
class WorkflowBundle:
    """A workflow with everything that its modules may read.

    `source` is its name, or the absolute path of its file. `packs` are the configs of the installed
    packs that it uses, by file.
    """

    source: str
    file: str
    definition: WorkflowDefinition
    resources: Resources
    packs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The workflow's `workflow_id`."""
        return self.definition.workflow.workflow_id

    @property
    def stored_files(self) -> dict[str, str]:
        """Every file a run of it needs, by path."""
        packs = {f"{PLUGIN_CONFIGS}{name}": text for name, text in self.packs.items()}
        return {**self.resources.files.files, BUILT_IN_CONFIG: _built_in_config(), **packs}

    def manifest(self) -> tuple[str, dict[str, str]]:
        """The content hash and the text of all files together, as they are stored with a run.

        It is one text because a batch stores it with each run: a row for every file would be most
        of what such a run writes.
        """
        kept = {"source": self.source, "file": self.file, "files": self.stored_files}
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
    """The workflow as it was stored with a run."""
    text = await store.file(manifest)
    if LISTS_HASHES.search(text):
        text = await _with_contents(store, text)
    return _from_manifest(text)


async def _with_contents(store: Store, listing: str) -> str:
    """A manifest of the earliest versions, which stored each file by itself, as it is written today."""
    kept = json.loads(listing)
    texts = {path: await store.file(content) for path, content in kept["files"].items()}
    source = kept["source"] if "source" in kept else kept["name"]
    return json.dumps({"source": source, "file": kept["file"], "files": texts}, sort_keys=True)


# A worker executes many runs of the same workflow.
@lru_cache(maxsize=8)
def _from_manifest(text: str) -> WorkflowBundle:
    try:
        kept = json.loads(text)
        texts = {str(path): str(text) for path, text in kept["files"].items()}
        source, file = str(kept["source"]), str(kept["file"])
        config = texts.pop(BUILT_IN_CONFIG)
        names = [path for path in texts if path.startswith(PLUGIN_CONFIGS)]
        packs = {path.removeprefix(PLUGIN_CONFIGS): texts.pop(path) for path in names}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StorageError(
            "the workflow stored with the run cannot be read",
            hint="`callsheet retry` uses today's files",
        ) from error
    bundle, _ = _validated(_read(source, folder_in_memory(source, texts), file, config, packs))
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
    """The workflow as it is now, with the installed packs where its config accepts them."""
    folder = folder_on_disk(root)
    if not (folder.has(CONFIG) and accepts_plugins(folder.read(CONFIG))):
        return _read(source, folder, file, _built_in_config(), {})
    found = find_group_packs()
    folder = folder_on_disk(root, *(pack.folder for pack in found))
    configs = {pack.file: pack.config for pack in found}
    return _read(source, folder, file, _built_in_config(), configs)


def _read(
    source: str, folder: WorkflowFolder, file: str, built_in: str, packs: Mapping[str, str]
) -> WorkflowBundle:
    definition = read_definition(folder, file)
    own = folder.read(CONFIG) if folder.has(CONFIG) else None
    catalog = read_catalog(built_in, own, packs)
    return WorkflowBundle(source, file, definition, Resources(folder, catalog), packs)


def _built_in_config() -> str:
    return files("callsheet").joinpath(CONFIG).read_text("utf-8")
