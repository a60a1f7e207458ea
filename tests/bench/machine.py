"""A machine at the C ABI: fake driver libraries, fake commands and a file tree around the real command line."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.layout import lay_out
from tests.bench.machine_file import Table, repeated
from tests.bench.smi_words import smi_words

_DEADLINE_SECONDS = 120
_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "COVERAGE_PROCESS_START", "COVERAGE_FILE")
_DEFAULT_DRIVER = "580.95.05"


@dataclass(frozen=True)
class Outcome:
    """What the command did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> Any:
        """The JSON on standard output."""
        return json.loads(self.stdout)


class MachineBench:
    """One machine laid out in a folder."""

    def __init__(self, machine: Table, folder: Path, fake_libraries: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.root = folder / "root"
        self._fakes = fake_libraries
        self._python = ""
        self._lay_out()

    def check(self, *arguments: str) -> Outcome:
        """Run `gpudoctor check --format json` on the machine, with its own arguments and further ones."""
        target = ["--python", self._python] if self._python else []
        own = [str(argument) for argument in self.machine.get("arguments", [])]
        return self.run("check", "--root", str(self.root), "--format", "json", *target, *own, *arguments)

    def run(self, *arguments: str) -> Outcome:
        """Run the real command in an environment that holds nothing but the machine."""
        done = subprocess.run(
            [sys.executable, "-m", "gpudoctor", *arguments],
            cwd=self.folder / "work",
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_SECONDS,
            stdin=subprocess.DEVNULL,
            **self._other_user(),
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def variables(self) -> dict[str, str]:
        """Return the environment of the command."""
        variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        variables |= {
            "HOME": str(self.folder / "home"),
            "PATH": str(self.folder / "bin"),
            "LD_LIBRARY_PATH": str(self.folder / "lib"),
            "FAKE_NVML": str(self.folder / "nvml.answers"),
            "FAKE_CUDA": str(self.folder / "cuda.answers"),
            "TMPDIR": str(self.folder / "tmp"),
            "LC_ALL": "C.UTF-8",
        }
        return variables | {name: self._placed(str(value)) for name, value in self.machine.get("variables", {}).items()}

    def _lay_out(self) -> None:
        for name in ("root", "home", "bin", "lib", "tmp", "work"):
            (self.folder / name).mkdir(parents=True)
        lay_out(self.root, self.machine)
        for path, text in self.machine.get("home", {}).items():
            (self.folder / "home" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "home" / path).write_text(self._placed(text), encoding="utf-8")
        nvml = self.machine.get("nvml")
        cuda = self.machine.get("cuda")
        if nvml is not None:
            self._library("libnvidia-ml.so", nvml)
            (self.folder / "nvml.answers").write_text(answers({"driver": self._loaded_version(), **nvml}))
        if cuda is not None:
            self._library("libcuda.so", cuda)
            gpus = (nvml or {}).get("gpus", [])
            version = (nvml or {}).get("cuda", 13000)
            (self.folder / "cuda.answers").write_text(answers({"version": version, "gpus": gpus, **cuda}))
        for name, command in self.machine.get("commands", {}).items():
            self._command(name, command)
        if "environment" in self.machine:
            from tests.bench.stub_environment import build_stub_environment  # noqa: PLC0415  # most machines have none

            self._python = str(build_stub_environment(self.folder / "environment", self.machine["environment"]))
        if "user" in self.machine and os.geteuid() == 0:
            _give_away(self.folder, self.machine["user"])

    def _placed(self, text: str) -> str:
        """Put the machine's folder where the text says {folder}: `{folder}/lib` has the fake driver libraries."""
        return text.replace("{folder}", str(self.folder))

    def _loaded_version(self) -> str:
        driver = self.machine.get("driver") or {}
        return str(driver.get("loaded") or self._library_version())

    def _library_version(self) -> str:
        return str((self.machine.get("driver") or {}).get("version", _DEFAULT_DRIVER))

    def _library(self, name: str, table: Table) -> None:
        """Put a fake library where the loader finds it, under its version's name as a driver package does."""
        file = self.folder / "lib" / f"{name}.{self._library_version()}"
        whole = (self._fakes / f"{name}.1").read_bytes()
        file.write_bytes(
            {
                "": whole,
                "empty": b"",  # left behind by an image that was built with the driver mounted
                "truncated": whole[: len(whole) // 4],  # a disk that was full
                "32-bit": whole[:4] + b"\1" + whole[5:],  # the class in the ELF header
            }[table.get("library", "")]
        )
        (self.folder / "lib" / f"{name}.1").symlink_to(file.name)

    def _command(self, name: str, command: Table) -> None:
        if command.get("banner"):
            stdout, code = smi_words(self.machine.get("nvml", {}), self._library_version())
            command = {"stdout": stdout, "exit": code, **command}
        script = self.folder / "bin" / name
        script.write_text("#!/bin/sh\n" + _branches(command) + _steps(command))
        script.chmod(0o755)

    def _other_user(self) -> dict[str, Any]:
        """Return what makes subprocess.run change to the machine's user, {} where that cannot be done."""
        if "user" not in self.machine or os.geteuid() != 0:
            return {}
        change = {"user": self.machine["user"], "group": self.machine["user"], "extra_groups": []}
        try:
            subprocess.run([sys.executable, "-c", ""], check=True, capture_output=True, cwd=self.folder, **change)
        except (OSError, subprocess.CalledProcessError):  # an interpreter in root's own folder, say
            return {}
        return change


def answers(table: Table, prefix: str = "") -> str:
    """Write a table as the fakes' key=value lines: gpus as gpuN., tables within as KEY.KEY."""
    lines = []
    for key, value in table.items():
        if key == "gpus":
            lines += [answers(gpu, f"gpu{index}.") for index, gpu in enumerate(repeated(value))]
        elif isinstance(value, dict):
            lines.append(answers(value, f"{prefix}{key}."))
        else:
            number = int(value) if isinstance(value, bool) else value
            lines.append(f"{prefix}{key}={number}\n")
    return "".join(lines)


def _branches(command: Table) -> str:
    """Write the cases of `when`: [{arguments = "piece of the command line", stdout = ...}, ...]."""
    cases = "".join(f"*{shlex.quote(case['arguments'])}*)\n{_steps(case)};;\n" for case in command.get("when", []))
    return f'case "$*" in\n{cases}esac\n' if cases else ""


def _steps(command: Table) -> str:
    lines = [f"printf %s {shlex.quote(command['stdout'])}"] if command.get("stdout") else []
    if command.get("stderr"):
        lines.append(f"printf %s {shlex.quote(command['stderr'])} >&2")
    if "sleep" in command:
        lines.append(f"/bin/sleep {command['sleep']}")
    if "signal" in command:
        lines.append(f"kill -{command['signal']} $$")
    return "".join(f"{line}\n" for line in [*lines, f"exit {command.get('exit', 0)}"])


def _give_away(folder: Path, user: int) -> None:
    """Let the user write in its own folders; device nodes and the rest stay root's."""
    folder.chmod(0o755)
    for name in ("home", "tmp", "work"):
        os.chown(folder / name, user, user)
