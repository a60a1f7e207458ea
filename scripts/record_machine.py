#!/usr/bin/env python3
"""Record this machine as a test machine: a redacted snapshot and the verdict that it has today.

    python scripts/record_machine.py NAME [--from SNAPSHOT] [CHECK OPTIONS, such as --python PATH]

Writes tests/recorded/NAME/snapshot.json and expected.json. Read both before you commit them: names, paths and numbers
of a private kind are replaced by placeholders, and the verdict must be the one that you know to be true.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run check, write the two files; returns check's exit code when it could not do its job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="lower case with hyphens")
    parser.add_argument("--folder", type=Path, default=PROJECT / "tests" / "recorded", help=argparse.SUPPRESS)
    options, others = parser.parse_known_args()
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", options.name):
        parser.error(f"{options.name!r}: lower case with hyphens, e.g. laptop-mx450-driver-535")
    folder = options.folder / options.name
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = folder / "snapshot.json"
    command = [sys.executable, "-m", "gpudoctor", "check", "--format", "json", "--save", str(snapshot), *others]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        print(done.stderr or done.stdout, file=sys.stderr)
        return done.returncode
    report = json.loads(done.stdout)
    expected = {
        "verdict": report["verdict"],
        "root_cause": report["root_cause"],
        "codes": [finding["code"] for finding in report["findings"]],
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    print(f"{folder}: {expected['verdict']}, {', '.join(expected['codes']) or 'no findings'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
