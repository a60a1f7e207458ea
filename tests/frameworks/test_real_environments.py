"""Environments as the usual tools make them: what is installed there is seen, and what they break is named."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gpudoctor.facts.environment import Environment
from gpudoctor.probes.environments import probe_environments
from gpudoctor.probes.host import Host
from gpudoctor.probes.targets import ProbeOptions, find_targets
from tests.bench.machine import MachineBench
from tests.bench.machine_file import load_machine
from tests.bench.stub_environment import site_folder
from tests.frameworks.conftest import Install, run_uv

pytestmark = pytest.mark.slow
MACHINES = Path(__file__).parent.parent / "machines"
LIBRARY = "nvidia/nccl/lib/libnccl.so.2"


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> Path:
    """Write a wheel that installers accept."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    texts = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in texts.items())
    wheel = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**texts, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def toy_torch(folder: Path, requires: tuple[str, ...] = (), cuda: str = "12.8") -> Path:
    """A wheel of a torch that says its version and does nothing."""
    version = f"__version__ = '2.8.0+cu128'\ncuda = {cuda!r}\nhip = None\n"
    files = {"torch/__init__.py": "from torch.version import __version__\n", "torch/version.py": version}
    return write_wheel(folder, "torch", "2.8.0+cu128", files, requires)


def seen(folder: Path, **variables: str) -> Environment:
    """Probe the environment that `--python FOLDER` names."""
    host = Host(variables={**os.environ, **variables})
    targets = find_targets(host, (str(folder),), (), (), every=False, working_directory=folder.parent)
    (environment,) = probe_environments(host, targets, ProbeOptions(no_import=True, working_directory=folder.parent))
    return environment


def test_environments_of_uv_venv_and_pipx(tmp_path: Path) -> None:
    wheel = toy_torch(tmp_path)
    run_uv("venv", "--python", sys.executable, str(tmp_path / "of-uv"))
    for folder in (tmp_path / "of-venv", tmp_path / "pipx/venvs/tool"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    for name, kind in (("of-uv", "uv"), ("of-venv", "venv"), ("pipx/venvs/tool", "pipx")):
        run_uv("pip", "install", "--no-index", "--python", str(tmp_path / name), str(wheel))
        environment = seen(tmp_path / name)
        assert environment.path == str(tmp_path / name)
        assert environment.kind.need() == kind
        assert environment.torch.need().version == "2.8.0+cu128"
        torch = environment.package("torch")
        assert torch is not None
        assert torch.installer == "uv"
        assert torch.missing_file_count == 0


def test_an_install_into_the_user_site(tmp_path: Path) -> None:
    base = Path(os.path.realpath(sys.executable))
    home = {"HOME": str(tmp_path), "PYTHONUSERBASE": str(tmp_path / "base")}
    asked = [str(base), "-c", "import site; print(site.getusersitepackages())"]
    user_site = Path(
        subprocess.run(asked, env={**os.environ, **home}, capture_output=True, text=True, check=True).stdout.strip()
    )
    with zipfile.ZipFile(toy_torch(tmp_path)) as wheel:
        wheel.extractall(user_site)
    torch = seen(base, **home).package("torch")
    assert torch is not None
    assert torch.location == str(user_site)
    hidden = seen(base, **home, PYTHONNOUSERSITE="1").package("torch")
    assert hidden is None or hidden.location != str(user_site)


def test_wheels_of_two_majors_delete_each_others_library(tmp_path: Path, fake_libraries: Path) -> None:
    environment = tmp_path / "environment"
    run_uv("venv", "--python", sys.executable, str(environment))
    wheels = [
        toy_torch(tmp_path, ("nvidia-nccl-cu12==2.27.3",)),
        write_wheel(tmp_path, "nvidia-nccl-cu12", "2.27.3", {LIBRARY: "of 12"}),
        write_wheel(tmp_path, "nvidia-nccl-cu13", "2.28.9", {LIBRARY: "of 13"}),
    ]
    for wheel in wheels:
        run_uv("pip", "install", "--no-index", "--no-deps", "--python", str(environment), str(wheel))
    machine = MachineBench(load_machine(MACHINES / "ubuntu-desktop"), tmp_path / "machine", fake_libraries)
    both = machine.check("--python", str(environment), "--no-import").report
    assert both["root_cause"] == "TOR003"
    assert "nvidia-nccl-cu12 and nvidia-nccl-cu13" in both["findings"][0]["message"]

    run_uv("pip", "uninstall", "--python", str(environment), "nvidia-nccl-cu13")
    assert not (site_folder(environment) / LIBRARY).exists()
    one = machine.check("--python", str(environment), "--no-import").report
    assert one["root_cause"] == "TOR003"
    assert one["findings"][0]["message"] == "nvidia-nccl-cu12 2.27.3 has lost 1 file"

    run_uv("pip", "install", "--no-index", "--no-deps", "--reinstall", "--python", str(environment), str(wheels[1]))
    mended = machine.check("--python", str(environment), "--no-import").report
    assert "TOR003" not in [finding["code"] for finding in mended["findings"]]


@pytest.mark.skipif(sys.version_info[:2] not in {(3, 10), (3, 11)}, reason="TensorFlow 2.15 is for Python 3.9 to 3.11")
def test_numpy_2_under_a_tensorflow_of_numpy_1(install: Install, tmp_path: Path, fake_libraries: Path) -> None:
    environment = install("tensorflow-numpy-2", ("tensorflow-cpu==2.15.1",))
    if not any(site_folder(environment).glob("numpy-2*.dist-info")):
        run_uv("pip", "install", "--no-deps", "--python", str(environment), "numpy==2.2.6")
    machine = MachineBench(load_machine(MACHINES / "cpu-laptop"), tmp_path / "machine", fake_libraries)
    outcome = machine.check("--python", str(environment), "--timeout", "120")
    assert outcome.report["root_cause"] == "PYT003"
    assert outcome.exit_code == 1
