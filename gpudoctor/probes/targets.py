"""Which Python environments to judge: those asked for, the active one, or all that can be found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.probes.environment_folders import (
    conda_environments,
    environment_folders,
    own_environments,
    versioned_pythons,
)
from gpudoctor.probes.host import Host
from gpudoctor.probes.interpreters import (
    environment_folder,
    identity,
    interpreter_of_folder,
    on_path,
    package_folders,
    real_interpreter,
    working_folder,
)
from gpudoctor.probes.jupyter import kernel_variables, probe_kernelspecs

_NAMES_IN_HINT = 12
_PATH_NAMES = ("python3", "python", "python.exe")
_FRAMEWORK_FOLDERS = ("torch", "tensorflow", "jax", "cupy")


class Target(msgspec.Struct, frozen=True):
    """An interpreter to ask, and how it was chosen."""

    interpreter: str
    selected_by: str  # --python, --env, --all, VIRTUAL_ENV, CONDA_PREFIX, .venv, PATH, kernel NAME
    name: str = ""  # the conda environment's or kernel's name
    variables: tuple[tuple[str, str], ...] = ()  # set on top of the process's own, as a kernelspec does


class ProbeOptions(msgspec.Struct, frozen=True):
    """How to look at environments."""

    no_import: bool = False  # metadata only: no framework is started
    deep: bool = False  # also short computations on every GPU
    working_directory: Path = msgspec.field(
        default_factory=working_folder
    )  # only listed: what lies there is never imported


class TargetNotFound(Exception):
    """What an option names does not exist; `hint` says what was found instead."""

    def __init__(self, option: str, value: str, hint: str, reason: str = "does not exist") -> None:
        super().__init__(f"{option} {value} {reason}")
        self.option = option
        self.value = value
        self.hint = hint
        self.reason = reason


def find_targets(
    host: Host,
    pythons: Sequence[str],
    envs: Sequence[str],
    kernels: Sequence[str],
    *,
    every: bool,
    working_directory: Path,
) -> tuple[Target, ...]:
    """Return the environments that the options name, the active one where they name none; each once.

    Raises TargetNotFound for a name that leads nowhere. Empty where no interpreter is on PATH.
    """
    found: list[Target] = [_of_path(host, value, working_directory) for value in pythons]
    found += [_of_environment(host, name) for name in envs]
    found += [_of_kernel(host, name) for name in kernels]
    if every:
        found += _all(host, working_directory)
    if not (pythons or envs or kernels or every):
        found += _active(host, working_directory)
    return _distinct(found)


def _distinct(targets: Iterable[Target]) -> tuple[Target, ...]:
    kept: dict[tuple[object, ...], Target] = {}
    for target in targets:
        kept.setdefault((*identity(Path(target.interpreter)), target.variables), target)
    return tuple(kept.values())


def _of_path(host: Host, value: str, working_directory: Path) -> Target:
    """Take --python: an interpreter, an environment's folder, or a command on PATH."""
    path = working_directory / os.path.expanduser(value)
    if os.path.isdir(path):
        interpreter = interpreter_of_folder(path)
        if interpreter is None:
            inner = next((path / name for name in (".venv", "venv") if interpreter_of_folder(path / name)), None)
            hint = f"it has an environment in it: {inner}" if inner else "an environment has bin/python in it"
            raise TargetNotFound("--python", value, hint, "is a folder without an interpreter")
        return Target(str(interpreter), "--python")
    if not os.path.lexists(path):
        command = host.which(value) if os.sep not in value else None
        if command is None:
            hint = "accepted: an interpreter, or the folder of an environment" + _listed(
                "found here", [str(target.interpreter) for target in _active(host, working_directory)]
            )
            raise TargetNotFound("--python", value, hint)
        path = Path(command)
    return Target(str(real_interpreter(host, path, working_directory)), "--python")


def _listed(label: str, names: Sequence[str]) -> str:
    return (
        f"; {label}: {', '.join(names[:_NAMES_IN_HINT])}" + (", ..." if len(names) > _NAMES_IN_HINT else "")
        if names
        else ""
    )


def _of_environment(host: Host, name: str) -> Target:
    """Take --env: the name or folder of a conda environment, or of one that setup has built."""
    environments = [*own_environments(), *conda_environments(host)]
    for known_name, folder in environments:
        if name == known_name or (
            os.sep in name and os.path.realpath(os.path.expanduser(name)) == os.path.realpath(folder)
        ):
            interpreter = interpreter_of_folder(folder)
            if interpreter is None:
                raise TargetNotFound("--env", name, f"its folder is {folder}", "has no Python in it")
            return Target(str(interpreter), "--env", known_name)
    names = sorted({known_name for known_name, _ in environments})
    hint = f"environments found: {', '.join(names)}" if names else "no conda, mamba or gpudoctor environment was found"
    raise TargetNotFound("--env", name, hint)


def _of_kernel(host: Host, name: str) -> Target:
    """Take --kernel: the environment that a Jupyter kernel runs in."""
    specs = _usable_specs(host)
    spec = next((spec for spec in specs if spec.name == name.lower()), None)
    if spec is None:
        names = sorted({spec.name for spec in specs})
        raise TargetNotFound(
            "--kernel", name, f"kernels found: {', '.join(names)}" if names else "no Jupyter kernel was found"
        )
    if spec.error:
        raise TargetNotFound("--kernel", name, spec.path, spec.error)
    if spec.language and spec.language.lower() != "python":
        raise TargetNotFound("--kernel", name, spec.path, f"runs {spec.language}, not Python")
    return _target_of(spec)


def _usable_specs(host: Host) -> list[KernelSpec]:
    """Return the kernels that Jupyter would start: the first of each name."""
    prefixes = [str(environment_folder(path)) for path in on_path(host, _PATH_NAMES)]
    specs = probe_kernelspecs(host, prefixes).peek() or ()
    return [spec for spec in specs if not spec.is_shadowed]


def _target_of(spec: KernelSpec) -> Target:
    variables = {name: value for name, value in kernel_variables(spec).items() if "${" not in value}
    return Target(spec.interpreter or spec.argv[0], f"kernel {spec.name}", spec.name, tuple(sorted(variables.items())))


def _active(host: Host, working_directory: Path) -> list[Target]:
    """Return the environment that the user's next `python` would run in; at most one."""
    for selected_by, folder in (
        ("VIRTUAL_ENV", host.variables.get("VIRTUAL_ENV")),
        ("CONDA_PREFIX", host.variables.get("CONDA_PREFIX")),
        (".venv", str(working_directory / ".venv")),
    ):
        if not folder:
            continue
        interpreter = interpreter_of_folder(Path(folder))
        if interpreter is not None and selected_by == ".venv" and _is_mere_tool(host, interpreter):
            continue  # gpudoctor's own, made in its clone
        if interpreter is not None:
            name = Path(folder).name if selected_by == "CONDA_PREFIX" and Path(folder).parent.name == "envs" else ""
            return [Target(str(interpreter), selected_by, name)]
        if selected_by == "VIRTUAL_ENV":
            return [Target(str(Path(folder) / "bin/python"), selected_by)]
    return _first_on_path(host, working_directory)


def _first_on_path(host: Host, working_directory: Path) -> list[Target]:
    found = [real_interpreter(host, path, working_directory) for path in on_path(host, _PATH_NAMES)[:1]]
    if found and _is_mere_tool(host, found[0]):
        others = (real_interpreter(host, path, working_directory) for path in on_path(host, _PATH_NAMES)[1:])
        found = [path for path in others if not _is_mere_tool(host, path)][:1] or found
    return [Target(str(path), "PATH") for path in found]


def _is_mere_tool(host: Host, interpreter: Path) -> bool:
    """Whether this is gpudoctor's own virtual environment and nobody works in it.

    Runners such as uvx put it first on PATH; somebody who works in it has a framework there too.
    """
    if sys.prefix == sys.base_prefix or os.path.realpath(environment_folder(interpreter)) != os.path.realpath(
        sys.prefix
    ):
        return False
    folders = package_folders(host, interpreter)
    return not any(os.path.isdir(folder / name) for folder in folders for name in _FRAMEWORK_FOLDERS)


def _all(host: Host, working_directory: Path) -> Iterator[Target]:
    """Yield every interpreter, environment and kernel that can be found."""
    yield from _active(host, working_directory)
    for name, folder in (*own_environments(), *conda_environments(host)):
        interpreter = interpreter_of_folder(folder)
        if interpreter is not None:
            yield Target(str(interpreter), "--all", name)
    for folder in environment_folders(host):
        interpreter = interpreter_of_folder(folder)
        if interpreter is not None and os.path.exists(interpreter):
            yield Target(str(interpreter), "--all")
    for path in (*on_path(host, _PATH_NAMES), *versioned_pythons(host)):
        yield Target(str(real_interpreter(host, path, working_directory)), "--all")
    for spec in _usable_specs(host):
        if spec.environment and not spec.error:
            yield _target_of(spec)
