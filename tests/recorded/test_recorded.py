"""Machines recorded by scripts/record_machine.py keep the verdict that was known to be true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parent.parent


def judged(snapshot: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "gpudoctor", "check", "--format", "json", "--from", str(snapshot)]
    report: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return report


def test_recorded_machines_keep_their_verdicts() -> None:
    for file in sorted(FOLDER.glob("*/expected.json")):
        expected = json.loads(file.read_text())
        report = judged(file.parent / "snapshot.json")
        assert report["crashed"] == [], file
        assert report["verdict"] == expected["verdict"], file
        assert [finding["code"] for finding in report["findings"]] == expected["codes"], file


def test_recording_writes_a_machine_that_keeps_its_verdict(tmp_path: Path) -> None:
    script = PROJECT / "scripts" / "record_machine.py"
    done = subprocess.run(
        [sys.executable, str(script), "this-one", "--folder", str(tmp_path), "--no-import", "--python", sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = json.loads((tmp_path / "this-one" / "expected.json").read_text())
    again = judged(tmp_path / "this-one" / "snapshot.json")
    assert [finding["code"] for finding in again["findings"]] == expected["codes"]


def test_a_name_with_spaces_is_refused(tmp_path: Path) -> None:
    script = PROJECT / "scripts" / "record_machine.py"
    done = subprocess.run(
        [sys.executable, str(script), "My Machine", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "lower case" in done.stderr
