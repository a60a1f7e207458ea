"""The scripts that run in foreign interpreters: old syntax, standard library, the gate before everything else."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import gpudoctor.probes
from gpudoctor.probes.environment_metadata import FilesStage, InterpreterStage, PackagesStage
from gpudoctor.probes.inside_stages import parse_stages

INSIDE = Path(gpudoctor.probes.__file__).parent / "inside"
ALL = sorted(INSIDE.glob("*.py"))
GATED = [INSIDE / "metadata.py", INSIDE / "framework.py"]
PYENV = Path("~/.pyenv/versions").expanduser()
REQUEST = json.dumps({"python_path": [], "with_user_site": True})


@pytest.mark.parametrize("script", ALL, ids=lambda path: path.stem)
def test_syntax_of_python_3_7(script: Path) -> None:
    ast.parse(script.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("script", ALL, ids=lambda path: path.stem)
def test_top_level_imports_are_the_standard_librarys(script: Path) -> None:
    allowed = {*sys.stdlib_module_names, *(path.stem for path in ALL)}
    for node in ast.parse(script.read_text()).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= allowed


@pytest.mark.parametrize("script", GATED, ids=lambda path: path.stem)
def test_the_version_gate_stands_before_every_other_import(script: Path) -> None:
    body = ast.parse(script.read_text()).body
    gate = next(position for position, node in enumerate(body) if isinstance(node, ast.If))
    before = [node for node in body[:gate] if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [alias.name for node in before for alias in node.names] == ["sys"]


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_metadata_in_an_old_or_new_python(version: str) -> None:
    stages = {record.pop("stage"): record for record in parse_stages(_run(version, "-I").stdout, "TOKEN")}
    assert stages["interpreter"]["version"].startswith(f"{version}.")
    assert stages["interpreter"]["pointer_bits"] in (32, 64)
    assert "pip" in {package["name"] for package in stages["packages"]["packages"]}
    for stage, record in (("interpreter", InterpreterStage), ("packages", PackagesStage), ("files", FilesStage)):
        assert set(stages[stage]) == set(record.__struct_fields__)


@pytest.mark.parametrize(("version", "flags"), [("2.7", ("-E", "-s")), ("3.6", ("-I",))])
@pytest.mark.parametrize("script", ["metadata.py", "framework.py"])
def test_a_python_that_is_too_old_says_so(version: str, flags: tuple[str, ...], script: str) -> None:
    done = _run(version, *flags, script=script)
    (said,) = parse_stages(done.stdout, "TOKEN")
    assert said["stage"] == "too_old"
    assert said["version"].startswith(f"{version}.")
    assert done.returncode == 83


def _run(version: str, *flags: str, script: str = "metadata.py") -> subprocess.CompletedProcess[str]:
    found = sorted(PYENV.glob(f"{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} in {PYENV}")
    command = [str(found[-1]), *flags, "-B", str(INSIDE / script), REQUEST]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", input="TOKEN\n")
