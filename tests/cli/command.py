"""Run the real command in a process of its own, as a user's shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "gpudoctor")


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `gpudoctor ARGUMENTS` and return what it did; output is decoded as UTF-8."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        cwd=cwd,
        env=environment(**variables),
        check=False,
    )
    out, errors = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    return subprocess.CompletedProcess(done.args, done.returncode, out, errors)


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment variables without those that change how things look, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return {**kept, "PYTHONSAFEPATH": "1", **variables}


def run_json(*arguments: str, cwd: Path, **variables: str) -> tuple[Any, int]:
    """Run with `--format json`; return the parsed output and the exit code."""
    done = run(*arguments, "--format", "json", cwd=cwd, **variables)
    return json.loads(done.stdout), done.returncode
