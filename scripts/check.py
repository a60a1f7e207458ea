#!/usr/bin/env python3
"""Every check of the project in one command: lint, types, layers, spelling, tables, documentation, then the tests.

python scripts/check.py [PYTEST OPTIONS]      all of it; the last line is pytest's summary
python scripts/check.py --fix                 lint and format, mending what can be mended
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def tool(name: str, *arguments: str) -> list[str]:
    """Return the command line of a tool of this environment."""
    return [str(BIN / name), *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """Return the command line of a script of the project."""
    return [sys.executable, str(PROJECT / "scripts" / name), *arguments]


CHECKS = (
    tool("ruff", "check"),
    tool("ruff", "format", "--check"),
    tool("mypy"),
    tool("lint-imports"),
    tool("codespell"),
    script("check_tables.py"),
    script("gen_docs.py", "--check"),
)


def main() -> int:
    """Run the checks, all of them even when one fails; returns 0 when all passed."""
    if sys.argv[1:] == ["--fix"]:
        return max(subprocess.call(tool("ruff", *step), cwd=PROJECT) for step in (("check", "--fix"), ("format",)))
    failed = [" ".join(map(str, command[:2])) for command in CHECKS if not passes(command)]
    for name in failed:
        print(f"FAILED: {name}", file=sys.stderr)
    tests = subprocess.call([sys.executable, "-m", "pytest", "-n", "auto", *sys.argv[1:]], cwd=PROJECT)
    return tests or (1 if failed else 0)


def passes(command: list[str]) -> bool:
    """Run one check with its output shown on standard error."""
    print(
        f"-- {Path(command[0]).name} {' '.join(Path(word).name for word in command[1:])}", file=sys.stderr, flush=True
    )
    return subprocess.run(command, cwd=PROJECT, check=False, stdout=sys.stderr).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
