"""Writes the page of the dependencies' licences: `python -m docgen.licences`.

Not a part of `docgen.refresh`: the page records the versions of one day, and indexes move on.
"""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from docgen.installed import PRODUCT, direct_dependencies, licence_of, plain_install
from docgen.markdown import table

PAGE = Path(__file__).parents[1] / "docs" / "licences.md"

_ROW = re.compile(r"^\| (\S+) \| (\S+) \| (.+) \|$", re.MULTILINE)

HEAD = """# Licences of the dependencies

What `pip install callsheet` installs besides callsheet, with the licence that each package states. Extras are not
included. callsheet itself is under the [MIT licence](../LICENSE).

Written on {date} by `python -m docgen.licences`, with Python {python} on {system}. Other
platforms need a few packages less or more.

"""


def listed() -> dict[str, tuple[str, str]]:
    """Return version and licence of each package on the page."""
    return {name: (version, licence) for name, version, licence in _rows()[1:]}


def _rows() -> list[tuple[str, str, str]]:
    return [tuple(row) for row in _ROW.findall(PAGE.read_text("utf-8")) if row[1] != "---"]


def page() -> str:
    """Return the text of the page; packages of other platforms keep the row that they have."""
    here = {name: each for name, each in plain_install().items() if name != PRODUCT}
    rows = {name: (each.version, licence_of(each)) for name, each in here.items()}
    known = listed() if PAGE.exists() else {}
    for name in direct_dependencies() - rows.keys():
        rows[name] = known.get(name, ("-", "not installed here"))
    head = HEAD.format(
        date=datetime.now(UTC).strftime("%d %B %Y").lstrip("0"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )
    return head + table(["package", "version", "licence"], [[n, *rows[n]] for n in sorted(rows)])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
