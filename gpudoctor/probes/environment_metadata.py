"""Asks an interpreter about itself and its packages without importing any of them, and turns the answer into facts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gpudoctor.facts.environment import (
    CondaPackage,
    Environment,
    FrameworkRun,
    Package,
    SharedFile,
    TensorflowBuild,
    TorchBuild,
)
from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.facts.toolkit import Toolkit
from gpudoctor.parsers.tensorflow_build_info import parse_tensorflow_build_info
from gpudoctor.parsers.torch_version import parse_torch_version
from gpudoctor.probes.environment_folders import conda_name
from gpudoctor.probes.environment_toolkits import toolkits_in
from gpudoctor.probes.host import Host
from gpudoctor.probes.inside_stages import Stages, TooOld, Unreadable, run_inside
from gpudoctor.probes.interpreters import environment_folder, python_path, uses_user_site
from gpudoctor.probes.shadowing import shadowing_files
from gpudoctor.probes.targets import ProbeOptions, Target

_OLDEST = "3.7"  # what the scripts in inside/ need
_MISSING_EXAMPLES = 5
T = TypeVar("T")


class InterpreterStage(msgspec.Struct, frozen=True):
    """What metadata.py sends first."""

    prefix: str
    base_prefix: str
    executable: str
    version: str
    implementation: str
    is_free_threaded: bool
    pointer_bits: int
    platform_tag: str
    libc: str
    is_externally_managed: bool
    search_path: tuple[str, ...]
    user_site: str | None
    pyvenv: dict[str, str]
    is_conda: bool


class SentPackage(msgspec.Struct, frozen=True):
    """One distribution as metadata.py found it."""

    name: str
    version: str
    location: str
    metadata: str
    installer: str
    requires: tuple[str, ...]
    wheel_tags: tuple[str, ...]
    is_relevant: bool


class SentFile(msgspec.Struct, frozen=True):
    """A small file, as text."""

    path: str
    text: str


class PackagesStage(msgspec.Struct, frozen=True):
    """What metadata.py sends after it read the folders of packages."""

    packages: tuple[SentPackage, ...]
    leftovers: tuple[str, ...]
    conda_packages: tuple[CondaPackage, ...] | None
    frameworks: tuple[str, ...]
    torch_version: SentFile | None
    tensorflow_build: SentFile | None
    openmp_libraries: tuple[str, ...]


class SentMissing(msgspec.Struct, frozen=True):
    """Files of RECORD that are not there; `package` is the position in the packages."""

    package: int
    examples: tuple[str, ...]
    count: int


class FilesStage(msgspec.Struct, frozen=True):
    """What metadata.py sends after it compared RECORDs with the disk."""

    missing: tuple[SentMissing, ...]
    shared_files: tuple[SharedFile, ...]


class Asked(msgspec.Struct, frozen=True):
    """What the interpreter said; a part is None where it did not come, and `why_not` says why."""

    interpreter: InterpreterStage | None = None
    packages: PackagesStage | None = None
    files: FilesStage | None = None
    too_old: TooOld | None = None
    why_not: str = ""

    @property
    def has_packages(self) -> bool:
        """Whether the packages are known."""
        return self.packages is not None

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks that are installed."""
        return self.packages.frameworks if self.packages is not None else ()


def ask_metadata(host: Host, target: Target) -> Asked:
    """Run metadata.py in the target. Never raises."""
    why_not = _obvious_obstacle(target.interpreter)
    if why_not:
        return Asked(why_not=why_not)
    request = {"python_path": python_path(host, target.variables), "with_user_site": uses_user_site(host)}
    return _read_stages(run_inside(host, target, "metadata.py", request))


def _obvious_obstacle(interpreter: str) -> str:
    """Return why an interpreter cannot be started where its file tells; "" where it does not."""
    if os.path.islink(interpreter) and not os.path.exists(interpreter):
        return f"{interpreter} is a link to {os.readlink(interpreter)}, which does not exist"
    if os.path.isabs(interpreter) and not os.path.exists(interpreter):
        return f"{interpreter} does not exist"
    return ""


def _read_stages(stages: Stages) -> Asked:
    try:
        too_old = stages.first("too_old", TooOld)
        if too_old is not None:
            reason = f"Python {too_old.version} is too old to be asked, gpudoctor needs {_OLDEST} or newer there"
            return Asked(too_old=too_old, why_not=reason)
        return Asked(
            interpreter=stages.first("interpreter", InterpreterStage),
            packages=stages.first("packages", PackagesStage),
            files=stages.first("files", FilesStage),
            why_not=stages.why_ended,
        )
    except Unreadable as error:
        return Asked(why_not=str(error))


def read_environment(
    host: Host, target: Target, asked: Asked, options: ProbeOptions, runs: tuple[FrameworkRun, ...]
) -> Environment:
    """Turn what the interpreter said, and the runs of its frameworks, into facts."""
    return _Reading(host, target, asked, options).environment(runs)


class _Reading:
    """The answers of one interpreter, on their way to facts."""

    def __init__(self, host: Host, target: Target, asked: Asked, options: ProbeOptions) -> None:
        self.host = host
        self.target = target
        self.asked = asked
        self.options = options

    def environment(self, runs: tuple[FrameworkRun, ...]) -> Environment:
        stage = self.asked.interpreter
        too_old = self.asked.too_old
        folder = str(environment_folder(Path(self.target.interpreter)))
        return Environment(
            path=stage.prefix if stage else too_old.prefix if too_old else folder,
            interpreter=self.target.interpreter,
            selected_by=self.target.selected_by,
            **self._interpreter_facts(),
            **self._package_facts(),
            runs=runs,
        )

    def _from(self, stage: object | None, value: T | None, source: str) -> Fact[T]:
        """Return a fact of a stage; unknown where that stage never came."""
        return unknown(self.asked.why_not, source) if stage is None else known(value, source)

    def _interpreter_facts(self) -> dict[str, Any]:
        stage, source = self.asked.interpreter, self.target.interpreter
        names = ("implementation", "is_free_threaded", "pointer_bits", "platform_tag", "base_prefix")
        facts: dict[str, Any] = {
            name: self._from(stage, getattr(stage, name, None), source) for name in (*names, "is_externally_managed")
        }
        facts["search_path"] = self._from(stage, stage and stage.search_path, "sys.path")
        facts["libc"] = self._from(stage, stage and (stage.libc or None), source)
        facts["kind"] = self._from(stage, stage and environment_kind(stage), source)
        facts["name"] = self._from(stage, stage and (self.target.name or _conda_name(stage)), source)
        facts["python_version"] = self._from(stage, stage and stage.version, source)
        if self.asked.too_old is not None:
            facts["python_version"] = known(self.asked.too_old.version, source)
        return facts

    def _package_facts(self) -> dict[str, Any]:
        stage, files = self.asked.packages, self.asked.files
        source = "package metadata"
        shadowing = shadowing_files(self.options.working_directory, python_path(self.host, self.target.variables))
        return {
            "packages": self._from(stage, stage and _packages(stage, files), source),
            "conda_packages": self._from(stage, stage and stage.conda_packages, "conda-meta"),
            "leftovers": self._from(stage, stage and stage.leftovers, source),
            "shared_files": self._from(files, files and files.shared_files, "RECORD files"),
            "toolkits": self._toolkits(),
            "openmp_libraries": self._from(stage, stage and stage.openmp_libraries, "library folders"),
            "shadowing_files": known(shadowing, "working directory and PYTHONPATH"),
            "torch": self._torch(),
            "tensorflow": self._tensorflow(),
        }

    def _toolkits(self) -> Fact[tuple[Toolkit, ...]]:
        source, stage, packages = "the environment's folders", self.asked.interpreter, self.asked.packages
        if stage is None or packages is None:
            return unknown(self.asked.why_not, source)
        versions = {package.name: package.version for package in packages.packages}
        return known(toolkits_in(stage.prefix, stage.search_path, versions), source)

    def _torch(self) -> Fact[TorchBuild]:
        stage = self.asked.packages
        if stage is None:
            return unknown(self.asked.why_not, "torch/version.py")
        if stage.torch_version is None:
            return _no_build_file("torch", "torch/version.py", stage)
        build = parse_torch_version(stage.torch_version.text)
        if build is None:
            return unknown("holds no __version__", stage.torch_version.path)
        return known(build, stage.torch_version.path)

    def _tensorflow(self) -> Fact[TensorflowBuild]:
        stage = self.asked.packages
        name = "tensorflow/python/platform/build_info.py"
        if stage is None:
            return unknown(self.asked.why_not, name)
        if stage.tensorflow_build is None:
            return _no_build_file("tensorflow", name, stage)
        version = next(_versions_of_tensorflow(stage.packages), "")
        return known(parse_tensorflow_build_info(stage.tensorflow_build.text, version), stage.tensorflow_build.path)


def _no_build_file(framework: str, file: str, stage: PackagesStage) -> Fact[T]:
    """Return absent where the framework is not installed, unknown where it is and its file is not found."""
    if framework in stage.frameworks:
        return unknown(f"{framework} is installed, {file} is not found on its search path", file)
    return absent(f"{framework} is not installed")


def _versions_of_tensorflow(packages: Iterable[SentPackage]) -> Iterator[str]:
    """Yield the versions of the distributions that bring the module tensorflow, the plain one first."""
    names = ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tensorflow-rocm")
    by_name = {package.name: package.version for package in reversed(tuple(packages))}
    yield from (by_name[name] for name in names if name in by_name)
    yield from (version for name, version in by_name.items() if name.startswith(("tf-nightly", "intel-tensorflow")))
    yield from (version for name, version in by_name.items() if name == "tensorflow-gpu")


def _packages(stage: PackagesStage, files: FilesStage | None) -> tuple[Package, ...]:
    missing = {item.package: item for item in files.missing} if files else {}
    return tuple(
        Package(
            name=sent.name,
            version=sent.version,
            location=sent.location,
            installer=sent.installer,
            requires=sent.requires,
            wheel_tags=sent.wheel_tags,
            missing_files=missing[position].examples[:_MISSING_EXAMPLES] if position in missing else (),
            missing_file_count=missing[position].count if position in missing else 0,
        )
        for position, sent in enumerate(stage.packages)
    )


def environment_kind(stage: InterpreterStage) -> str:
    """Return what made the environment: conda, pipx, uv, venv, pyenv or system."""
    folder = f"{stage.prefix}/".replace("\\", "/")
    if stage.pyvenv:
        if "/pipx/venvs/" in folder:
            return "pipx"
        return "uv" if "uv" in stage.pyvenv else "venv"
    if stage.is_conda:
        return "conda"
    if "/.pyenv/versions/" in folder or "/pyenv/versions/" in folder:
        return "pyenv"
    return "uv" if "/uv/python/" in folder else "system"


def _conda_name(stage: InterpreterStage) -> str | None:
    if not stage.is_conda or stage.pyvenv:
        return None
    return conda_name(Path(stage.prefix)) or None
