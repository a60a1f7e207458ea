"""Really installed frameworks beside the fake driver of a desktop: the whole command, from the files to the code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.compile_fakes import has_real_library
from tests.bench.machine import MachineBench, Outcome
from tests.bench.machine_file import load_machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.path.exists("/dev/nvidia0"), reason="there is a GPU beside the one that is acted"),
]
MACHINES = Path(__file__).parent.parent / "machines"


def look(machine: str, environment: Path, folder: Path, fake_libraries: Path) -> Outcome:
    """Run `check --python ENVIRONMENT` on a machine of tests/machines."""
    if has_real_library("libcuda.so.1"):
        pytest.skip("this machine has a real libcuda.so.1")
    bench = MachineBench(load_machine(MACHINES / machine), folder / machine, fake_libraries)
    return bench.check("--python", str(environment), "--timeout", "120")


def codes(outcome: Outcome) -> list[str]:
    return [finding["code"] for finding in outcome.report["findings"] if finding["severity"] != "info"]


def test_the_cpu_build_of_torch_beside_a_gpu(torch_cpu: Path, tmp_path: Path, fake_libraries: Path) -> None:
    outcome = look("ubuntu-desktop", torch_cpu, tmp_path, fake_libraries)
    assert outcome.report["root_cause"] == "TOR001"
    assert codes(outcome) == ["TOR001"]
    assert outcome.exit_code == 1
    assert "2.13.0+cpu" in outcome.report["findings"][0]["message"]


def test_the_cpu_build_of_torch_without_a_gpu(torch_cpu: Path, tmp_path: Path, fake_libraries: Path) -> None:
    outcome = look("cpu-laptop", torch_cpu, tmp_path, fake_libraries)
    assert codes(outcome) == []
    assert outcome.report["verdict"] == "healthy"
    assert outcome.exit_code == 0


def test_tensorflow_without_cudas_packages_beside_a_gpu(tensorflow: Path, tmp_path: Path, fake_libraries: Path) -> None:
    if has_real_library("libcudnn.so.9"):
        pytest.skip("a cuDNN 9 is installed on this machine")
    outcome = look("ubuntu-desktop", tensorflow, tmp_path, fake_libraries)
    assert outcome.report["root_cause"] == "TFL001"
    assert codes(outcome) == ["TFL001"]
    assert any("tensorflow[and-cuda]" in str(fix["commands"]) for fix in outcome.report["findings"][0]["fixes"])


def test_tensorflow_without_a_gpu(tensorflow: Path, tmp_path: Path, fake_libraries: Path) -> None:
    outcome = look("cpu-laptop", tensorflow, tmp_path, fake_libraries)
    assert codes(outcome) == []
    assert outcome.exit_code == 0
