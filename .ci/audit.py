"""Reports known vulnerabilities of what a plain installation consists of: `python3 .ci/audit.py`.

It needs uv, and never fails: where advisories cannot be reached in time, it says "not checked".
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = float(os.environ.get("AUDIT_SECONDS", "30"))

ROOT = Path(__file__).parents[1]

UV = (sys.executable, "-m", "uv")

EXPORT = (*UV, "export", "--quiet", "--no-dev", "--no-hashes", "--no-emit-project", "--no-header")

# The advisories of OSV: unlike those of the default, one that cannot be reached is an error.
AUDIT = (
    *(*UV, "tool", "run", "--quiet", "pip-audit>=2.10,<3", "--vulnerability-service", "osv"),
    *("--progress-spinner", "off", "--format", "json", "--no-deps", "--disable-pip"),
    *("--timeout", "5", "--requirement"),
)


class NotCheckedError(Exception):
    """Why nothing is known."""


def output_of(command: tuple[str, ...]) -> str:
    """What a command prints; raises NotCheckedError where it prints nothing or takes too long."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started
            raise NotCheckedError(f"no result within {SECONDS:g} s") from None
    if not printed:
        lines = said.strip().splitlines() or [f"exit status {process.returncode}"]
        raise NotCheckedError(lines[-1][:200])
    return printed


def findings() -> tuple[int, list[str]]:
    """How many packages were checked, and a line for each vulnerability; raises NotCheckedError."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(output_of(EXPORT), "utf-8")
        try:
            packages = json.loads(output_of((*AUDIT, str(requirements))))["dependencies"]
            checked = [each for each in packages if "skip_reason" not in each]
            lines = [
                f"{each['name']} {each['version']}: {found['id']}, fixed in"
                f" {', '.join(found['fix_versions']) or 'no version'}"
                for each in checked
                for found in each["vulns"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise NotCheckedError(f"pip-audit's report has another form: {error}") from None
    if not checked:
        raise NotCheckedError("no package could be looked up")
    return len(checked), lines


def main() -> None:
    """Print the report."""
    try:
        count, lines = findings()
    except (NotCheckedError, OSError) as error:
        print(f"known vulnerabilities: not checked ({error})", flush=True)
        return
    print(
        f"known vulnerabilities in {count} packages: {len(lines) or 'none'}",
        *lines,
        sep="\n  ",
        flush=True,
    )


if __name__ == "__main__":
    main()
