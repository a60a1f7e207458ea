"""The scaffold of a rule and the generated pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "scripts" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_pages_are_those_of_the_rules() -> None:
    done = run("gen_docs.py", "--check")
    assert done.returncode == 0, done.stdout


def test_a_new_rule_gets_the_next_number_and_both_files(tmp_path: Path) -> None:
    done = run("new_rule.py", "PRF", "clock-locked-low", "--severity", "warning", "--project", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rule, fixture = (tmp_path / line for line in done.stdout.split())
    assert "Severity.WARNING, Scope.MACHINE" in rule.read_text()
    assert rule.stem == fixture.stem
    assert rule.stem.endswith("_clock_locked_low")
    compile(rule.read_text(), str(rule), "exec")
    number = int(rule.stem[3:6])
    assert not list((PROJECT / "gpudoctor/rules/prf").glob(f"prf{number:03d}_*"))
    assert list((PROJECT / "gpudoctor/rules/prf").glob(f"prf{number - 1:03d}_*"))


def test_a_name_that_says_the_remedy_is_refused(tmp_path: Path) -> None:
    done = run("new_rule.py", "PRF", "fix-the-clock", "--project", str(tmp_path))
    assert done.returncode == 2
    assert "say what is wrong" in done.stderr
    assert not list(tmp_path.iterdir())
