"""The metadata of real throw-away environments."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import uv

from gpudoctor.facts.environment import Environment
from gpudoctor.facts.snapshot import named_facts
from gpudoctor.probes.environments import probe_environment, probe_environments
from gpudoctor.probes.host import Host
from gpudoctor.probes.targets import ProbeOptions, Target
from tests.bench.stub_environment import build_stub_environment, site_folder, write_distribution

_RUN_PATH = "exec(open(path).read(), {'__name__': '__main__', '__file__': path})"
PYENV = Path("~/.pyenv/versions").expanduser()
TORCH = {"version": "2.11.0+cu130", "cuda": "13.0", "arch_list": ["sm_80"], "cudnn": "9.15.1"}


def _look(tmp_path: Path, interpreter: Path | str, **variables: str) -> Environment:
    """Probe metadata only, in a home and working directory of the test's own."""
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "work").mkdir(exist_ok=True)
    base = {"HOME": str(tmp_path / "home"), "PATH": os.defpath}
    host = Host(variables={**base, **variables}, timeout_seconds=20)
    options = ProbeOptions(no_import=True, working_directory=tmp_path / "work")
    return probe_environment(host, Target(str(interpreter), "--python"), options)


def _stub(tmp_path: Path, table: Mapping[str, Any]) -> tuple[Path, Path]:
    folder = build_stub_environment(tmp_path / "environment", table)
    return folder / "bin/python", site_folder(folder)


def test_interpreter_of_a_venv(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {})
    environment = _look(tmp_path, interpreter)
    assert environment.path == str(tmp_path / "environment")
    assert environment.kind.need() == "venv"
    assert environment.name.is_absent
    assert environment.python_version.need().startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert environment.implementation.need() == sys.implementation.name
    assert environment.pointer_bits.need() == 64
    assert environment.is_free_threaded.need() is False
    assert environment.is_externally_managed.need() is False
    assert environment.base_prefix.need() == sys.base_prefix
    assert str(site) in environment.search_path.need()
    assert str(tmp_path / "work") not in environment.search_path.need()
    assert environment.conda_packages.is_absent
    assert environment.torch.is_absent
    assert [name for name, fact in named_facts(environment) if fact.is_unknown] == []


def test_packages_in_full_only_where_they_concern_the_gpu(tmp_path: Path) -> None:
    table = {
        "packages": {
            "torchvision": {"version": "0.26.0", "requires": ["torch==2.11.0"], "tags": ["cp311-cp311-linux_x86_64"]},
            "Some.Thing_else": {"version": "1.0", "requires": ["torch"], "installer": "uv"},
        }
    }
    environment = _look(tmp_path, _stub(tmp_path, table)[0])
    vision = environment.package("torchvision")
    assert vision is not None
    assert vision.requires == ("torch==2.11.0",)
    assert vision.wheel_tags == ("cp311-cp311-linux_x86_64",)
    other = environment.package("some-thing-else")
    assert other is not None
    assert (other.version, other.installer, other.requires) == ("1.0", "uv", ())


def test_torch_and_tensorflow_are_read_as_text(tmp_path: Path) -> None:
    table = {
        "torch": {**TORCH, "misbehaviour": "abort"},
        "tensorflow": {"version": "2.21.0", "cuda": "12.5.1", "cudnn": "9", "compute_capabilities": ["sm_60"]},
        "misbehaviour": "abort",
    }
    environment = _look(tmp_path, _stub(tmp_path, table)[0])
    assert environment.torch.need().version == "2.11.0+cu130"
    assert environment.torch.need().cuda == "13.0"
    assert environment.tensorflow.need().version == "2.21.0"
    assert environment.tensorflow.need().compute_capabilities == ("sm_60",)
    assert environment.runs == ()


def test_files_that_two_distributions_claim(tmp_path: Path) -> None:
    library = "nvidia/nccl/lib/libnccl.so.2"
    same = {"nvidia/__init__.py": ""}
    table = {
        "packages": {
            "nvidia-nccl-cu12": {"version": "2.27.7", "files": {library: "twelve", **same}},
            "nvidia-nccl-cu13": {"version": "2.28.9", "files": {library: "thirteen", **same}},
        }
    }
    interpreter, site = _stub(tmp_path, table)
    (shared,) = _look(tmp_path, interpreter).shared_files.need()
    assert shared.path == str(site / library)
    assert shared.owners == ("nvidia-nccl-cu12", "nvidia-nccl-cu13")


def test_uninstalling_one_of_them_takes_the_others_file(tmp_path: Path) -> None:
    library = "nvidia/nccl/lib/libnccl.so.2"
    table = {"packages": {"nvidia-nccl-cu13": {"version": "2.28.9", "files": {library: "thirteen"}}}}
    interpreter, site = _stub(tmp_path, table)
    (site / library).unlink()
    package = _look(tmp_path, interpreter).package("nvidia-nccl-cu13")
    assert package is not None
    assert (package.missing_files, package.missing_file_count) == ((library,), 1)


def test_toy_wheels_of_two_cuda_majors_overwrite_and_delete_each_other(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {})
    library = "nvidia/nccl/lib/libnccl.so.2"
    wheels = [
        _toy_wheel(tmp_path, name, version, {library: name, "nvidia/__init__.py": ""})
        for name, version in (("nvidia_nccl_cu12", "2.27.7"), ("nvidia_nccl_cu13", "2.28.9"))
    ]
    for wheel in wheels:  # one after the other: at once, either may come last
        _uv("install", interpreter, "--no-index", wheel)
    both = _look(tmp_path, interpreter)
    (shared,) = both.shared_files.need()
    assert shared.owners == ("nvidia-nccl-cu12", "nvidia-nccl-cu13")
    assert (site / library).read_text() == "nvidia_nccl_cu13"
    _uv("uninstall", interpreter, "nvidia-nccl-cu12")
    rest = _look(tmp_path, interpreter)
    assert rest.shared_files.need() == ()
    package = rest.package("nvidia-nccl-cu13")
    assert package is not None
    assert package.installer == "uv"
    assert set(package.missing_files) == {library, "nvidia/__init__.py"}


def _toy_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> str:
    """Write a wheel of text files; return its path."""
    info = f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}\n")
    content[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return str(wheel)


def _uv(command: str, interpreter: Path, *arguments: str) -> None:
    words = [uv.find_uv_bin(), "pip", command, "--python", str(interpreter), *arguments]
    subprocess.run(words, check=True, capture_output=True)


def test_what_slim_images_delete_is_not_missing(tmp_path: Path) -> None:
    gone = ["torch/include/ATen/ATen.h", "torch/test/bin.py", "../../../bin/torchrun", "torch/__pycache__/x.pyc"]
    files = {"torch/lib/libc10.so": "code"}
    table = {"packages": {"torch": {"version": "2.11.0", "missing": gone, "files": files}}}
    interpreter, _ = _stub(tmp_path, table)
    package = _look(tmp_path, interpreter).package("torch")
    assert package is not None
    assert package.missing_file_count == 0


def test_records_of_other_packages_are_not_compared(tmp_path: Path) -> None:
    table = {"packages": {"requests": {"version": "2.0", "missing": ["requests/gone.py"]}}}
    package = _look(tmp_path, _stub(tmp_path, table)[0]).package("requests")
    assert package is not None
    assert package.missing_file_count == 0


def test_leftovers_of_interrupted_installs(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {"packages": {"numpy": "2.3.4"}})
    for name in ("~orch", "~orch-2.1.0.dist-info", "-umpy", "~yper", "torch/lib"):
        (site / name).mkdir(parents=True)
    leftovers = _look(tmp_path, interpreter).leftovers.need()
    assert {os.path.relpath(path, site) for path in leftovers} == {"~orch", "~orch-2.1.0.dist-info", "-umpy", "torch"}


def test_dist_info_without_metadata_is_a_leftover_and_no_package(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {})
    (site / "torch-2.0.1.dist-info").mkdir()
    environment = _look(tmp_path, interpreter)
    assert environment.package("torch") is None
    assert environment.leftovers.need() == (str(site / "torch-2.0.1.dist-info"),)


def test_egg_info_file_and_folder(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {})
    (site / "numpy-1.24.2.egg-info").write_text("Metadata-Version: 1.2\nName: numpy\nVersion: 1.24.2\n")
    folder = site / "old_thing.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 1.2\nName: old-thing\nVersion: 0.3\n\nVersion: 9\n")
    environment = _look(tmp_path, interpreter)
    assert {(package.name, package.version) for package in environment.packages.need()} >= {
        ("numpy", "1.24.2"),
        ("old-thing", "0.3"),
    }


def test_user_site_is_seen_where_the_users_own_runs_see_it(tmp_path: Path) -> None:
    base = Path(sys.base_prefix) / "bin/python3"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = tmp_path / f"home/.local/lib/{version}/site-packages"
    site.mkdir(parents=True)
    write_distribution(site, "torch", {"version": "1.13.1"})
    seen = _look(tmp_path, base)
    assert seen.package("torch") is not None
    assert str(site) in seen.search_path.need()
    assert _look(tmp_path, base, PYTHONNOUSERSITE="1").package("torch") is None
    venv, _ = _stub(tmp_path, {})
    assert _look(tmp_path, venv).package("torch") is None


def test_user_site_goes_before_the_environments_packages(tmp_path: Path) -> None:
    base = Path(sys.base_prefix) / "bin/python3"
    probe = "import site, sys; print(site.getusersitepackages()); print('\\n'.join(sys.path))"
    home = tmp_path / "home"
    asked = subprocess.run(
        [str(base), "-c", "import site; print(site.getusersitepackages())"],
        env={"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    Path(asked.stdout.strip()).mkdir(parents=True)
    real = subprocess.run(
        [str(base), "-c", probe], env={"HOME": str(home)}, capture_output=True, text=True, check=True, cwd="/"
    )
    user_site, _, *path = real.stdout.splitlines()
    assert user_site in path
    assert _look(tmp_path, base).search_path.need() == tuple(path)


def test_python_path_is_seen_but_never_a_relative_entry(tmp_path: Path) -> None:
    interpreter, _ = _stub(tmp_path, {})
    extra = tmp_path / "extra"
    write_distribution(extra, "torch", {"version": "2.0.1"})
    write_distribution(tmp_path / "work", "tensorflow", {"version": "2.0.1"})
    environment = _look(tmp_path, interpreter, PYTHONPATH=f"{os.pathsep}.{os.pathsep}{extra}")
    assert environment.package("torch") is not None
    assert environment.package("tensorflow") is None
    assert environment.search_path.need()[0] == str(extra)


def test_sitecustomize_that_prints(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {"packages": {"numpy": "2.3.4"}})
    (site / "sitecustomize.py").write_text('import os\nprint(\'{"stage": "files"}\')\nos.write(1, b"no end of line")\n')
    environment = _look(tmp_path, interpreter)
    assert environment.package("numpy") is not None
    assert not environment.shared_files.is_unknown


@pytest.mark.parametrize(
    ("customisation", "reason"),
    [
        ("import os; os.abort()", "killed by SIGABRT"),
        ("import os; os._exit(0)", "does not answer as a Python interpreter does"),
        ("import time; time.sleep(60)", "did not answer within 0.5 s"),
    ],
)
def test_interpreter_that_does_not_get_as_far_as_the_script(tmp_path: Path, customisation: str, reason: str) -> None:
    interpreter, site = _stub(tmp_path, {})
    (site / "zz.pth").write_text(customisation + "\n")  # some distributions have a sitecustomize.py that comes first
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=0.5)
    options = ProbeOptions(working_directory=tmp_path)
    environment = probe_environment(host, Target(str(interpreter), "--python"), options)
    assert reason in environment.packages.unknown
    assert reason in environment.python_version.unknown
    assert environment.path == str(tmp_path / "environment")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("not_python", "#!/bin/sh\necho hello\n", "does not answer as a Python interpreter does"),
        ("fails", "#!/bin/sh\necho no such module >&2\nexit 7\n", "exit 7: no such module"),
        ("garbage", "\x00\x01\x02", "cannot be started"),
        ("gone", None, "does not exist"),
    ],
)
def test_what_is_no_interpreter(tmp_path: Path, name: str, content: str | None, reason: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)
    environment = _look(tmp_path, path)
    assert reason in environment.python_version.unknown
    assert environment.packages.is_unknown


def test_interpreter_that_leads_nowhere(tmp_path: Path) -> None:
    interpreter, _ = _stub(tmp_path, {})
    for link in interpreter.parent.glob("python*"):
        link.unlink()
    interpreter.symlink_to("/gone/python3.11")
    environment = _look(tmp_path, interpreter)
    assert environment.packages.unknown == f"{interpreter} is a link to /gone/python3.11, which does not exist"


def test_interpreter_that_may_not_be_run(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    assert _look(tmp_path, path).packages.unknown == "permission denied"


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_python_that_is_too_old(tmp_path: Path, version: str) -> None:
    found = sorted(PYENV.glob(f"{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} in {PYENV}")
    environment = _look(tmp_path, found[-1])
    assert environment.python_version.need() == found[-1].parent.parent.name
    assert environment.packages.unknown == (
        f"Python {environment.python_version.need()} is too old to be asked, gpudoctor needs 3.7 or newer there"
    )
    assert environment.path == str(found[-1].parent.parent)


def test_shadowing_files_of_the_working_directory_and_python_path(tmp_path: Path) -> None:
    interpreter, _ = _stub(tmp_path, {})
    work, extra = tmp_path / "work", tmp_path / "extra"
    for folder in (work / "tensorflow", work / "numpy", extra / "torch"):
        folder.mkdir(parents=True)
    (work / "torch.py").write_text("raise SystemExit('imported')")
    (work / "tensorflow/__init__.py").touch()
    (work / "train.py").touch()
    (extra / "torch/__init__.py").touch()
    write_distribution(extra, "torch", {"version": "2.0.1"})  # installed there with pip --target: shadows nothing
    environment = _look(tmp_path, interpreter, PYTHONPATH=str(extra))
    assert environment.shadowing_files.need() == (f"{work}/tensorflow/", f"{work}/torch.py")


def test_conda_environment(tmp_path: Path) -> None:
    folder = tmp_path / "root/envs/deep"
    (folder / "bin").mkdir(parents=True)
    interpreter = folder / "bin/python"
    interpreter.symlink_to(Path(sys.base_prefix) / "bin/python3")
    (folder / "conda-meta").mkdir()
    channel = "https://conda.anaconda.org/conda-forge/linux-64"
    (folder / "conda-meta/pytorch-2.5.1-cpu_generic_py311.json").write_text(f'{{"files": [], "channel": "{channel}"}}')
    (folder / "conda-meta/tzdata-2025b-h04d1e81_0.json").write_text("{}")
    (folder / "conda-meta/history").touch()
    # conda's own Python says this folder; a linked one says its home, so a wrapper sets sys.prefix before the script
    script = f"import sys; sys.prefix, path = sys.argv[1:3]; del sys.argv[1:3]; {_RUN_PATH}"
    wrapper = folder / "bin/python3"
    wrapper.write_text(f'#!/bin/sh\nshift 2\nexec {interpreter} -I -B -c "{script}" {folder} "$@"\n')
    wrapper.chmod(0o755)
    environment = _look(tmp_path, wrapper)
    assert environment.kind.need() == "conda"
    assert environment.name.need() == "deep"
    packages = {package.name: package for package in environment.conda_packages.need()}
    assert set(packages) == {"pytorch", "tzdata"}
    assert packages["pytorch"].version == "2.5.1"
    assert packages["pytorch"].build == "cpu_generic_py311"
    assert packages["pytorch"].channel == channel


def test_openmp_copies_in_the_folders_where_wheels_keep_them(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {})
    for name in (
        "torch/lib/libgomp-a34b3233.so.1",
        "scikit_learn.libs/libgomp-d22c30c5.so.1.0.0",
        "torch/lib/libc10.so",
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    copies = _look(tmp_path, interpreter).openmp_libraries.need()
    assert {os.path.relpath(path, site) for path in copies} == {
        "torch/lib/libgomp-a34b3233.so.1",
        "scikit_learn.libs/libgomp-d22c30c5.so.1.0.0",
    }


@pytest.mark.parametrize(
    ("settings", "place", "kind"),
    [("uv = 0.9.1", "project/.venv", "uv"), ("", "pipx/venvs/tool", "pipx"), ("", "env", "venv")],
)
def test_kind_of_environment(tmp_path: Path, settings: str, place: str, kind: str) -> None:
    folder = build_stub_environment(tmp_path / place, {})
    with (folder / "pyvenv.cfg").open("a") as file:
        file.write(f"{settings}\n")
    assert _look(tmp_path, folder / "bin/python").kind.need() == kind


def test_externally_managed_marker(tmp_path: Path) -> None:
    marker = Path(f"/usr/lib/python3.{sys.version_info[1]}/EXTERNALLY-MANAGED")
    if not marker.exists():
        pytest.skip("no externally managed system Python here")
    environment = _look(tmp_path, f"/usr/bin/python3.{sys.version_info[1]}")
    assert environment.is_externally_managed.need() is True
    assert environment.kind.need() == "system"


def test_nothing_is_written_into_the_environment(tmp_path: Path) -> None:
    interpreter, site = _stub(tmp_path, {"torch": TORCH})
    before = sorted(site.rglob("*"))
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=20)
    environment = probe_environment(
        host, Target(str(interpreter), "--python"), ProbeOptions(working_directory=tmp_path)
    )
    assert [run.framework for run in environment.runs] == ["torch"]
    assert sorted(site.rglob("*")) == before


def test_several_environments_keep_their_order_and_duplicates_go(tmp_path: Path) -> None:
    folders = [build_stub_environment(tmp_path / name, {"torch": TORCH}) for name in ("first", "second")]
    paths = [folders[0] / "bin/python", folders[1] / "bin/python", folders[0] / "bin/python3"]
    host = Host(variables={"HOME": str(tmp_path), "PATH": os.defpath}, timeout_seconds=20)
    targets = [Target(str(path), "--python") for path in paths]
    environments = probe_environments(host, targets, ProbeOptions(working_directory=tmp_path))
    assert [environment.path for environment in environments] == [str(folder) for folder in folders]
    assert all(environment.run("torch") for environment in environments)
