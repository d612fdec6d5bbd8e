"""The report of known vulnerabilities tells what was found, and neither fails nor hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

FOUND = {
    "dependencies": [
        {"name": "one", "version": "1.0", "vulns": []},
        {"name": "two", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]},
        {"name": "three", "skip_reason": "not found"},
    ]
}


def _report(folder: Path, audit: str, seconds: float = 30) -> str:
    """The report where uv exports one requirement and pip-audit does this."""
    (folder / "uv.py").write_text(
        "import sys\n"
        "if sys.argv[1] == 'export':\n"
        "    sys.exit(print('one==1.0'))\n"
        f"assert open(sys.argv[-1]).read() == 'one==1.0\\n'\n{audit}\n"
    )
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/audit.py")],
        env=os.environ | {"PYTHONPATH": str(folder), "AUDIT_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not done.stderr
    return done.stdout


def test_each_vulnerability_is_named_with_the_version_that_has_none(tmp_path: Path) -> None:
    told = _report(tmp_path, f"print({json.dumps(FOUND)!r}); sys.exit(1)")
    assert told == "known vulnerabilities in 2 packages: 1\n  two 2.0: CVE-1, fixed in 2.1\n"


def test_where_advisories_cannot_be_reached_it_says_not_checked(tmp_path: Path) -> None:
    told = _report(tmp_path, "sys.exit('no such host')")
    assert told == "known vulnerabilities: not checked (no such host)\n"
    skipped = {"dependencies": FOUND["dependencies"][2:]}
    told = _report(tmp_path, f"print({json.dumps(skipped)!r})")
    assert told == "known vulnerabilities: not checked (no package could be looked up)\n"
    assert "another form" in _report(tmp_path, "print('[]')")


def test_one_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    hangs = (
        "import subprocess; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    began = time.monotonic()
    told = _report(tmp_path, hangs, seconds=0.5)
    assert told == "known vulnerabilities: not checked (no result within 0.5 s)\n"
    assert time.monotonic() - began < 30


def test_the_build_runs_it_and_goes_on_whatever_it_says() -> None:
    assert "\npython3 .ci/audit.py || true" in (ROOT / ".ci/run").read_text("utf-8")
