"""Regenerates the generated parts of the documentation: `python -m docgen.refresh`.

With `--check`, nothing is written; the exit status is 1 if something is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cogapp import Cog

from docgen.workflow_schema import FILE, schema_text

ROOT = Path(__file__).parents[1]


def generated() -> list[str]:
    """Return the paths of the documents with generated parts."""
    every = (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    return sorted(
        str(path.relative_to(ROOT)) for path in every if "<!-- [[[cog" in path.read_text("utf-8")
    )


def main() -> int:
    """Write or check all of them."""
    if "--check" in sys.argv:
        stale = FILE.read_text("utf-8") != schema_text()
        return int(Cog().main(["cog", "--check", *generated()])) or int(stale)
    FILE.write_text(schema_text(), "utf-8")
    return int(Cog().main(["cog", "-r", "--verbosity=1", *generated()]))


if __name__ == "__main__":
    sys.exit(main())
