"""Kernelspecs along Jupyter's paths, the broken ones too."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.probes.host import Host
from gpudoctor.probes.jupyter import probe_kernelspecs
from tests.bench.stub_environment import build_stub_environment, site_folder, write_distribution

LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


def _host(tmp_path: Path, **variables: str) -> Host:
    (tmp_path / "root").mkdir(exist_ok=True)
    base = {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}
    return Host(root=tmp_path / "root", variables={**base, **variables})


def _write(kernels: Path, name: str, content: object) -> Path:
    (kernels / name).mkdir(parents=True)
    path = kernels / name / "kernel.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _user(tmp_path: Path) -> Path:
    return tmp_path / "home/.local/share/jupyter/kernels"


def _one(host: Host) -> KernelSpec:
    (spec,) = probe_kernelspecs(host).need()
    return spec


def test_kernel_that_works(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {"packages": {"ipykernel": {"version": "7.4.0", "files": {}}}})
    argv = [str(venv / "bin/python"), *LAUNCH]
    path = _write(_user(tmp_path), "Deep", {"argv": argv, "display_name": "Deep learning", "language": "python"})
    assert _one(_host(tmp_path)) == KernelSpec(
        name="deep",
        path=str(path),
        display_name="Deep learning",
        argv=tuple(argv),
        language="python",
        interpreter=argv[0],
        has_ipykernel=True,
        environment=str(venv),
    )


def test_environment_without_ipykernel(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {})
    _write(_user(tmp_path), "bare", {"argv": [str(venv / "bin/python"), *LAUNCH], "language": "python"})
    assert _one(_host(tmp_path)).has_ipykernel is False


def test_ipykernel_in_a_folder_that_a_pth_file_adds(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {})
    (tmp_path / "shared/ipykernel").mkdir(parents=True)
    (site_folder(venv) / "shared.pth").write_text(f"import sys\n{tmp_path / 'shared'}\n")
    _write(_user(tmp_path), "shared", {"argv": [str(venv / "bin/python"), *LAUNCH], "language": "python"})
    assert _one(_host(tmp_path)).has_ipykernel is True


def test_ipykernel_in_the_user_site(tmp_path: Path) -> None:
    base = Path(sys.base_prefix) / f"bin/python3.{sys.version_info[1]}"
    site = tmp_path / f"home/.local/lib/python3.{sys.version_info[1]}/site-packages"
    (site / "ipykernel").mkdir(parents=True)
    _write(_user(tmp_path), "user", {"argv": [str(base), *LAUNCH], "language": "python"})
    assert _one(_host(tmp_path)).has_ipykernel is True


def test_interpreter_that_is_gone(tmp_path: Path) -> None:
    _write(_user(tmp_path), "old", {"argv": ["/gone/bin/python", *LAUNCH], "language": "python"})
    spec = _one(_host(tmp_path))
    assert (spec.interpreter, spec.environment, spec.has_ipykernel, spec.error) == ("", "", None, "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is no kernelspec"),
        ('{"language": "python"}', "is no kernelspec"),
        ('{"argv": "python"}', "is no kernelspec"),
        ('{"argv": []}', "is no kernelspec"),
        ("\ufeff{}", "is not JSON"),
    ],
)
def test_kernel_json_that_is_broken(tmp_path: Path, content: str, reason: str) -> None:
    _write(_user(tmp_path), "broken", content)
    spec = _one(_host(tmp_path))
    assert spec.name == "broken"
    assert spec.error.startswith(reason)


def test_bare_python_in_an_environment_means_that_environment(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {})
    write_distribution(site_folder(venv), "ipykernel", {"version": "7.4.0"})
    _write(venv / "share/jupyter/kernels", "python3", {"argv": ["python", *LAUNCH], "language": "python"})
    spec = _one(_host(tmp_path, VIRTUAL_ENV=str(venv)))
    assert spec.is_interpreter_relative
    assert spec.interpreter == str(venv / "bin/python")
    assert spec.environment == str(venv)
    assert spec.has_ipykernel is True


def test_bare_python_elsewhere_means_the_jupyter_servers(tmp_path: Path) -> None:
    server = build_stub_environment(tmp_path / "server", {})
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/jupyter"
    script.write_text(f"#!{server}/bin/python\n")
    script.chmod(0o755)
    _write(_user(tmp_path), "mine", {"argv": ["python3", *LAUNCH], "language": "python"})
    spec = _one(_host(tmp_path))
    assert spec.is_interpreter_relative
    assert spec.environment == str(server)
    assert spec.has_ipykernel is False


def test_kernels_of_other_languages(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/R").write_text("#!/bin/sh\n")
    (tmp_path / "bin/R").chmod(0o755)
    _write(_user(tmp_path), "ir", {"argv": ["R", "--slave"], "language": "R"})
    _write(_user(tmp_path), "julia", {"argv": ["/gone/julia"], "language": "julia"})
    r, julia = probe_kernelspecs(_host(tmp_path)).need()
    assert (r.interpreter, r.is_interpreter_relative, r.has_ipykernel) == (str(tmp_path / "bin/R"), False, None)
    assert (julia.interpreter, julia.environment) == ("", "")


def test_order_of_the_paths_and_shadowed_kernels(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {})
    extra = tmp_path / "extra"
    places = [
        extra / "kernels",
        _user(tmp_path),
        venv / "share/jupyter/kernels",
        tmp_path / "root/usr/local/share/jupyter/kernels",
        tmp_path / "root/usr/share/jupyter/kernels",
        tmp_path / "home/.ipython/kernels",
    ]
    paths = [_write(place, "python3", {"argv": ["/gone/python"], "language": "python"}) for place in places]
    host = _host(tmp_path, JUPYTER_PATH=os.pathsep.join(("relative", str(extra))), VIRTUAL_ENV=str(venv))
    specs = probe_kernelspecs(host).need()
    assert [spec.path for spec in specs] == [str(path) for path in paths]
    assert [spec.is_shadowed for spec in specs] == [False, True, True, True, True, True]


def test_further_environments(tmp_path: Path) -> None:
    venv = build_stub_environment(tmp_path / "env", {})
    _write(venv / "share/jupyter/kernels", "inner", {"argv": ["/gone/python"], "language": "python"})
    assert probe_kernelspecs(_host(tmp_path)).need() == ()
    (spec,) = probe_kernelspecs(_host(tmp_path), [str(venv)]).need()
    assert spec.name == "inner"


@pytest.mark.parametrize(("variable", "folder"), [("JUPYTER_DATA_DIR", "data"), ("XDG_DATA_HOME", "xdg")])
def test_where_the_users_kernels_are(tmp_path: Path, variable: str, folder: str) -> None:
    place = tmp_path / folder / ("jupyter/kernels" if variable == "XDG_DATA_HOME" else "kernels")
    _write(place, "moved", {"argv": ["/gone/python"], "language": "python"})
    assert _one(_host(tmp_path, **{variable: str(tmp_path / folder)})).name == "moved"


def test_interpreters_below_another_root_are_looked_for_there(tmp_path: Path) -> None:
    kernels = tmp_path / "root/usr/share/jupyter/kernels"
    _write(kernels, "there", {"argv": ["/usr/bin/python3.99", *LAUNCH], "language": "python"})
    assert _one(_host(tmp_path)).interpreter == ""
    (tmp_path / "root/usr/bin").mkdir()
    (tmp_path / "root/usr/bin/python3.99").touch()
    assert _one(_host(tmp_path)).interpreter == "/usr/bin/python3.99"
