"""The acceptance script on a fake card: it agrees, it sees a difference, and it says that there is no GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.machine import MachineBench
from tests.bench.machine_file import load_machine

PROJECT = Path(__file__).parent.parent.parent
SCRIPT = PROJECT / "scripts" / "gpu_acceptance.py"
ROW = "0, NVIDIA GeForce RTX 4090, 580.95.05, 8.9, 24564, 00000000:01:00.0, 16, [N/A]\n"
SMI: dict[str, Any] = {"when": [{"arguments": "-L", "stdout": "GPU 0: NVIDIA GeForce RTX 4090\n"}]}


def run(bench: MachineBench) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--python", sys.executable]
    return subprocess.run(
        command, cwd=bench.folder / "work", env=bench.variables(), capture_output=True, text=True, check=False
    )


def a_machine(folder: Path, fakes: Path, row: str) -> MachineBench:
    machine = load_machine(PROJECT / "tests" / "machines" / "ubuntu-desktop")
    gpu = {**machine["nvml"]["gpus"][0], "mem_total": 24564 * 1024**2}
    machine = {**machine, "nvml": {**machine["nvml"], "gpus": [gpu]}}
    machine["commands"] = {**machine["commands"], "nvidia-smi": {**SMI, "stdout": row}}
    return MachineBench(machine, folder / "machine", fakes)


def test_it_agrees_with_a_card_that_says_the_same(tmp_path: Path, fake_libraries: Path) -> None:
    done = run(a_machine(tmp_path, fake_libraries, ROW))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| GPU 0 memory, MiB | 24564 | 24564 | yes |" in done.stdout


@pytest.mark.parametrize(("said", "instead"), [("580.95.05", "580.65.06"), (", 8.9,", ", 8.6,"), ("24564", "16376")])
def test_it_sees_a_difference(tmp_path: Path, fake_libraries: Path, said: str, instead: str) -> None:
    done = run(a_machine(tmp_path, fake_libraries, ROW.replace(said, instead)))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "| NO |" in done.stdout


def test_without_a_gpu_nothing_is_measured(tmp_path: Path, fake_libraries: Path) -> None:
    machine = load_machine(PROJECT / "tests" / "machines" / "nothing-installed")
    done = run(MachineBench(machine, tmp_path / "machine", fake_libraries))
    assert done.returncode == 3
    assert "nothing was measured" in done.stderr
