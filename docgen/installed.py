"""Which packages a plain installation of callsheet consists of, as they are installed here."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRODUCT = "callsheet"


def canonical(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct_dependencies() -> set[str]:
    """Return the names of the packages that callsheet itself requires, on any platform."""
    needed = (Requirement(each) for each in requires(PRODUCT) or [])
    return {canonical(each.name) for each in needed if "extra" not in str(each.marker)}


def plain_install(
    follow: Callable[[Distribution], bool] = lambda each: True,
) -> dict[str, Distribution]:
    """Return the packages that callsheet requires here, without extras, with what these require.

    The requirements of a package that `follow` rejects are left out.
    """
    found: dict[str, Distribution] = {}
    todo, seen = [(PRODUCT, "")], set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        if name == PRODUCT or follow(found[name]):
            todo += _requirements(found[name], extra)
    return found


def _requirements(package: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    for each in map(Requirement, package.requires or []):
        if each.marker is None or each.marker.evaluate({"extra": extra}):
            yield from ((canonical(each.name), wanted) for wanted in ("", *each.extras))


def licence_of(package: Distribution) -> str:
    """Return the licence that a package's metadata states."""
    metadata = package.metadata
    if stated := metadata["License-Expression"]:
        return str(stated)
    classifiers = metadata.get_all("Classifier") or []
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    first = (metadata["License"] or "").removeprefix("UNKNOWN").strip().partition("\n")[0]
    return first or ", ".join(named) or "not stated"


def size_of(package: Distribution) -> int:
    """Return the bytes of a package's files, without bytecode that Python compiles of them."""
    files = [each for each in package.files or [] if each.suffix != ".pyc"]
    return sum(each.size or 0 for each in files)
