"""Nothing that lies in the user's project runs in gpudoctor or in what it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.stub_environment import build_stub_environment
from tests.cli.command import environment

MODULES = """
torch numpy tensorflow jax cupy json typing re dataclasses usercustomize msgspec rich typer click psutil pynvml
platformdirs ctypes faulthandler importlib inside_channel torch_run gc traceback warnings
""".split()
COMMANDS = ("nvidia-smi", "dmesg", "python3", "ldconfig", "modinfo", "nvcc", "gcc")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which everything leaves a mark when it runs."""
    folder = tmp_path / "project"
    folder.mkdir()
    for module in MODULES:
        (folder / f"{module}.py").write_text(f"open({str(tmp_path)!r} + '/ran-{module}', 'w')\n")
    (folder / "evil.pth").write_text(f"import os; open({str(tmp_path)!r} + '/ran-pth', 'w')\n")
    for command in COMMANDS:
        script = folder / command
        script.write_text(f"#!/bin/sh\n: > {tmp_path}/ran-{command}\n")
        script.chmod(0o755)
    return folder


@pytest.mark.parametrize("options", [("--no-import", "--format", "json"), ()], ids=["metadata", "import"])
@pytest.mark.parametrize("way", ["script", "module"])
@pytest.mark.parametrize("python_path", ["", ".", "{folder}"])
def test_nothing_of_the_project_runs(
    project: Path, tmp_path: Path, way: str, python_path: str, options: tuple[str, ...]
) -> None:
    target = build_stub_environment(tmp_path / "target", {"torch": {"version": "2.8.0+cpu"}})
    python_path = python_path.format(folder=project)
    variables = environment(PYTHONPATH=python_path, PATH=f".::{Path(sys.executable).parent}:/usr/bin:/bin")
    variables.pop("PYTHONSAFEPATH")
    start = [str(Path(sys.executable).parent / "gpudoctor")] if way == "script" else [sys.executable, "-m", "gpudoctor"]
    # what the interpreter's -m, or the launcher that pip writes, imports before it reaches us
    for name in ("typing", "re", "importlib", "warnings", "traceback") if way == "module" else ("re",):
        (project / f"{name}.py").unlink(missing_ok=True)
    done = subprocess.run(
        [*start, "check", "--python", str(target), "--fail-on", "never", *options],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.glob("ran-*")] == []
    if "json" in options:
        (judged,) = json.loads(done.stdout)["snapshot"]["environments"]
        assert any(path.endswith("torch.py") for path in judged["shadowing_files"]["value"])
