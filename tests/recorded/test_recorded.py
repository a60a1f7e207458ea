"""Machines recorded by scripts/record_machine.py keep the verdict that was known to be true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parent.parent


@pytest.mark.parametrize("machine", sorted(path.parent.name for path in FOLDER.glob("*/expected.json")))
def test_recorded_machine(machine: str) -> None:
    expected = json.loads((FOLDER / machine / "expected.json").read_text())
    command = [sys.executable, "-m", "gpudoctor", "check", "--format", "json", "--from"]
    done = subprocess.run(
        [*command, str(FOLDER / machine / "snapshot.json")], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert report["crashed"] == []
    assert report["verdict"] == expected["verdict"]
    assert [finding["code"] for finding in report["findings"]] == expected["codes"]


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
    command = [sys.executable, "-m", "gpudoctor", "check", "--format", "json", "--from"]
    again = subprocess.run(
        [*command, str(tmp_path / "this-one" / "snapshot.json")], capture_output=True, text=True, check=False
    )
    assert [finding["code"] for finding in json.loads(again.stdout)["findings"]] == expected["codes"]


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
