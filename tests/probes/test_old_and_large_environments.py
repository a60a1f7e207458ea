"""Environments at the edge: Pythons too old to be asked, and more packages than an ordinary answer holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gpudoctor.probes.environments import probe_environments
from gpudoctor.probes.host import Host
from gpudoctor.probes.targets import ProbeOptions, Target
from gpudoctor.render.area_python import environment_lines
from tests.bench.stub_environment import build_stub_environment, site_folder

PYENV = Path("~/.pyenv/versions").expanduser()
METADATA_ONLY = ProbeOptions(no_import=True)


def too_old() -> str:
    """An interpreter that the scripts of inside/ cannot run in."""
    found = [*PYENV.glob("3.6.*/bin/python"), *PYENV.glob("2.7.*/bin/python")]
    if not found:
        pytest.skip(f"no Python 3.6 or 2.7 in {PYENV}")
    return str(found[0])


def test_of_all_pythons_those_too_old_to_be_asked_are_left_out_and_told() -> None:
    targets = (Target(too_old(), "--all"), Target(sys.executable, "--all"))
    told: list[str] = []
    (seen,) = probe_environments(Host(), targets, METADATA_ONLY, told.append)
    assert seen.interpreter == sys.executable
    assert len(told) == 1
    assert "is too old to be asked" in told[0]


def test_an_old_python_that_was_asked_for_is_shown_as_unknown() -> None:
    told: list[str] = []
    (seen,) = probe_environments(Host(), (Target(too_old(), "--python"),), METADATA_ONLY, told.append)
    assert told == []
    assert "too old to be asked" in (seen.packages.unknown or "")
    _, lines = environment_lines(seen)
    assert lines[1].startswith("its packages are unknown: Python ")


def test_an_old_python_with_a_framework_is_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").touch()
    host = Host(variables={**os.environ, "PYTHONPATH": str(tmp_path)})
    told: list[str] = []
    assert len(probe_environments(host, (Target(too_old(), "--all"),), METADATA_ONLY, told.append)) == 1
    assert told == []


def test_an_answer_of_many_packages_is_read_whole(tmp_path: Path) -> None:
    environment = build_stub_environment(tmp_path / ("a-long-name" * 12), {})
    count = 9_000
    for number in range(count):
        (site_folder(environment) / f"package_number_{number}-1.0.{number}.dist-info").mkdir()
    target = Target(str(environment / "bin/python"), "--python")
    (seen,) = probe_environments(Host(), (target,), METADATA_ONLY)
    assert len(seen.packages.need()) == count
