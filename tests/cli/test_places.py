"""`check` where it is hard to stand: deleted folders, nobody's home, pipes in the place of files, full disks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import COMMAND, environment, run_json

NOBODY = 4711
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes in folders")


def look(*arguments: str, cwd: Path, **variables: str) -> Any:
    """Run `check --no-import`; the report must be whole."""
    report, code = run_json("check", "--no-import", *arguments, cwd=cwd, **variables)
    assert "error" not in report, report
    assert report["crashed"] == []
    assert code in (0, 1)
    return report


def test_a_working_directory_that_was_deleted(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$@" check --no-import --format json'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND], cwd=gone, env=environment(), capture_output=True, check=False
    )
    report = json.loads(done.stdout)
    assert "error" not in report, report
    assert report["crashed"] == []


@pytest.mark.parametrize("tmpdir", ["/nonexistent", "/proc"])
def test_commands_run_without_a_temporary_folder(tmp_path: Path, tmpdir: str) -> None:
    script = (
        "import tempfile, sys; from gpudoctor.probes.host import Host\n"
        f"tempfile.tempdir = {tmpdir!r}\n"
        "answer = Host().run([sys.executable, '-c', 'import os; print(os.getcwd())'])\n"
        "print(answer.stdout.strip() or answer.why_not)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "/\n"


def test_pipes_and_floods_in_the_place_of_files_do_not_block(tmp_path: Path) -> None:
    kernels = tmp_path / ".local/share/jupyter/kernels"
    for name in ("pipe", "large"):
        (kernels / name).mkdir(parents=True)
    (tmp_path / ".conda").mkdir()
    with (kernels / "large/kernel.json").open("wb") as file:
        file.truncate(100_000_000)
    for pipe in (kernels / "pipe/kernel.json", tmp_path / ".conda/environments.txt", tmp_path / ".python-version"):
        os.mkfifo(pipe)
    report = look("--all", "--timeout", "20", cwd=tmp_path, HOME=str(tmp_path), PYENV_VERSION="")
    broken = [finding["message"] for finding in report["findings"] if finding["code"] == "JUP001"]
    assert len(broken) == 1
    assert "large" in broken[0]


def test_pipes_below_a_root_are_no_files(tmp_path: Path) -> None:
    for folder in ("etc", "proc", "sys", "dev"):
        (tmp_path / "root" / folder).mkdir(parents=True)
    for pipe in ("etc/os-release", "proc/modules", "proc/cpuinfo"):
        os.mkfifo(tmp_path / "root" / pipe)
    machine = look("--root", "root", "--timeout", "20", cwd=tmp_path)["snapshot"]["machine"]
    assert machine["driver"]["loaded_modules"]["unknown"] == "no plain file"


def test_links_that_lead_in_circles_below_a_root(tmp_path: Path) -> None:
    for folder in ("etc", "proc", "sys/bus/pci/devices", "usr/lib/x", "lib"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/os-release").symlink_to("other")
    (tmp_path / "etc/other").symlink_to("os-release")
    (tmp_path / "usr/lib/x/up").symlink_to("..")
    (tmp_path / "lib/modules").symlink_to("/")
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0").symlink_to("../devices")
    look("--root", str(tmp_path), "--timeout", "20", cwd=tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become nobody")
def test_a_user_without_name_home_and_rights(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    (locked / "bin").mkdir(parents=True)
    (locked / "bin/python3").write_text("#!/bin/sh\n")
    locked.chmod(0o700)
    script = (  # loaded before, because an interpreter below /root could not be read after
        "import os, pathlib\n"
        "from gpudoctor.probes import jupyter, system, targets\n"
        "from gpudoctor.probes.host import Host\n"
        "import grp, platformdirs.unix\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "targets.find_targets(Host(), (), (), (), every=True, working_directory=pathlib.Path('/'))\n"
        "targets.find_targets(Host(), (), (), (), every=False, working_directory=pathlib.Path('/'))\n"
        "print(system.probe_system(Host()).disk_free_bytes.unknown)"
    )
    variables = environment(PATH=f"{locked}/bin:/usr/bin:/bin", VIRTUAL_ENV=f"{locked}", PYTHONPATH=os.getcwd())
    for name in ("HOME", "XDG_DATA_HOME"):
        variables.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd="/", env=variables, capture_output=True, text=True, check=False
    )
    assert done.stdout == "the user has no home folder\n", done.stderr


def test_no_command_is_found_on_an_empty_path(tmp_path: Path) -> None:
    report = look(cwd=tmp_path, PATH="", VIRTUAL_ENV="")
    assert report["snapshot"].get("environments", []) == []


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9"))
    folder.mkdir()
    (folder / "torch.py").touch()
    variables = {"HOME": str(folder), "PYTHONPATH": str(folder), "LD_LIBRARY_PATH": str(folder), "LC_ALL": "C"}
    report = look("--save", "snapshot.json", cwd=folder, **variables)
    again, _ = run_json("check", "--from", "snapshot.json", cwd=folder)
    assert again["snapshot"] == report["snapshot"]
