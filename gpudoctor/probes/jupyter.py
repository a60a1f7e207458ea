"""Jupyter's kernels: every kernel.json along Jupyter's paths, the broken and shadowed ones too. Nothing is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from gpudoctor.facts.fact import Fact, known, unknown
from gpudoctor.facts.jupyter import KernelSpec
from gpudoctor.probes.host import Host
from gpudoctor.probes.interpreters import (
    behind_pyenv_shim,
    environment_folder,
    home_folder,
    interpreter_of_folder,
    package_folders,
    working_folder,
)
from gpudoctor.probes.plain_files import matching, read_plain_bytes

_SOURCE = "kernel.json files along Jupyter's paths"
_SYSTEM_FOLDERS = ("/usr/local/share/jupyter", "/usr/share/jupyter")
_PYTHON = re.compile(r"(python|pypy)[\d.]*(\.exe)?")


class _KernelJson(msgspec.Struct, frozen=True):
    """The fields of kernel.json that matter here."""

    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    display_name: str = ""
    language: str = ""
    env: dict[str, str] = {}  # msgspec copies an empty default


class _Place(msgspec.Struct, frozen=True):
    """A folder `kernels` and what a bare `python` in its specs means."""

    folder: Path
    prefix: Path | None = None  # the environment that owns the folder, None: nobody's
    is_below_root: bool = False  # its absolute paths lie below the host's root


def probe_kernelspecs(host: Host, prefixes: Sequence[str] = ()) -> Fact[tuple[KernelSpec, ...]]:
    """Read every kernelspec; `prefixes` are folders of environments to look into beside the active ones."""
    specs: list[KernelSpec] = []
    try:
        for place in _places(host, prefixes):
            for name in _names(place.folder):
                is_shadowed = any(spec.name == name.lower() for spec in specs)
                specs.append(_read(host, place, name, is_shadowed))
    except OSError as error:
        return unknown(f"cannot read the folder {error.filename}: {error.strerror}", _SOURCE)
    return known(tuple(specs), _SOURCE)


def kernel_variables(spec: KernelSpec) -> dict[str, str]:
    """Return the environment variables that a kernelspec sets, {} where it cannot be read."""
    try:
        return msgspec.json.decode(read_plain_bytes(Path(spec.path)), type=_KernelJson).env
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}


def _places(host: Host, prefixes: Sequence[str]) -> list[_Place]:
    """Return the `kernels` folders in Jupyter's order: JUPYTER_PATH, the user's, environments', the system's."""
    named = [Path(entry) for entry in host.variables.get("JUPYTER_PATH", "").split(os.pathsep) if os.path.isabs(entry)]
    places = [_Place(folder / "kernels", _owner(folder)) for folder in (*named, _user_folder(host))]
    places += [_Place(prefix / "share/jupyter/kernels", prefix) for prefix in _prefixes(host, prefixes)]
    for system in _SYSTEM_FOLDERS:
        owner = Path(system).parent.parent if host.is_live else None
        places.append(_Place(host.path(system) / "kernels", owner, is_below_root=not host.is_live))
    if host.variables.get("PROGRAMDATA"):
        places.append(_Place(Path(host.variables["PROGRAMDATA"]) / "jupyter/kernels"))
    places.append(_Place(Path(host.variables.get("IPYTHONDIR") or home_folder(host) / ".ipython") / "kernels"))
    return list({os.path.realpath(place.folder): place for place in reversed(places)}.values())[::-1]


def _user_folder(host: Host) -> Path:
    variables, home = host.variables, home_folder(host)
    if variables.get("JUPYTER_DATA_DIR"):
        return Path(variables["JUPYTER_DATA_DIR"])
    if os.name == "nt" and variables.get("APPDATA"):
        return Path(variables["APPDATA"]) / "jupyter"
    if os.path.isdir(home / "Library/Jupyter"):
        return home / "Library/Jupyter"
    return Path(variables.get("XDG_DATA_HOME") or home / ".local/share") / "jupyter"


def _prefixes(host: Host, further: Sequence[str]) -> Iterable[Path]:
    """Return environments' folders, those first whose Jupyter would be started here."""
    active = [Path(host.variables[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if host.variables.get(name)]
    server, python = _command(host, "jupyter"), _command(host, "python3")
    active += [_owner_of_script(server)] if server is not None else []
    active += [environment_folder(python)] if python is not None else []
    system = {Path(folder).parent.parent for folder in _SYSTEM_FOLDERS}
    return [path for path in dict.fromkeys((*active, *map(Path, further))) if path not in system]


def _command(host: Host, name: str) -> Path | None:
    """Return the command that PATH leads to, behind pyenv's shim where there is one."""
    found = host.which(name)
    return None if found is None else behind_pyenv_shim(host, Path(found), working_folder()) or Path(found)


def _owner_of_script(script: Path) -> Path:
    """Return the environment whose interpreter a script's first line names."""
    try:
        with script.open("rb") as file:
            first = file.readline(512).decode("utf-8", "replace")
    except OSError:
        first = ""
    interpreter = first[2:].strip().split(" ")[0] if first.startswith("#!/") else ""
    return (
        environment_folder(Path(interpreter))
        if interpreter.rpartition("/")[2].startswith("python")
        else script.parent.parent
    )


def _owner(folder: Path) -> Path | None:
    """Return PREFIX for PREFIX/share/jupyter where an interpreter lies in PREFIX."""
    prefix = folder.parent.parent
    is_inside = folder.parts[-2:] == ("share", "jupyter") and interpreter_of_folder(prefix) is not None
    return prefix if is_inside else None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if os.path.isfile(folder / name / "kernel.json"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _read(host: Host, place: _Place, name: str, is_shadowed: bool) -> KernelSpec:
    """Read one kernel.json. Jupyter lower-cases the folder's name."""
    path = place.folder / name / "kernel.json"
    try:
        content = msgspec.json.decode(read_plain_bytes(path), type=_KernelJson)
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return KernelSpec(name=name.lower(), path=str(path), error=_why(error), is_shadowed=is_shadowed)
    argv = content.argv
    interpreter = _resolve(host, place, path.parent, argv[0])
    is_python = _PYTHON.fullmatch(re.split(r"[/\\]", argv[0])[-1]) is not None
    return KernelSpec(
        name=name.lower(),
        path=str(path),
        display_name=content.display_name,
        argv=argv,
        language=content.language,
        interpreter=str(interpreter or ""),
        is_interpreter_relative=is_python and not re.search(r"[/\\]", argv[0]),
        has_ipykernel=_has_ipykernel(host, interpreter, argv) if is_python else None,
        environment=str(environment_folder(interpreter)) if interpreter is not None and is_python else "",
        is_shadowed=is_shadowed,
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    if isinstance(error, msgspec.ValidationError):
        return f"is no kernelspec ({error})"
    return f"is not JSON ({error})"


def _resolve(host: Host, place: _Place, folder: Path, first: str) -> Path | None:
    """Return the program that argv[0] names, None where there is none.

    A bare `python` means the Jupyter server's interpreter; for a spec inside an environment that is its own.
    """
    first = first.replace("{resource_dir}", str(folder)).replace("{prefix}", str(place.prefix or "{prefix}"))
    if os.path.isabs(first):
        real = host.path(first) if place.is_below_root else Path(first)
        return Path(first) if os.path.isfile(real) and (place.is_below_root or os.access(real, os.X_OK)) else None
    if _PYTHON.fullmatch(first) and place.prefix is not None:
        own = interpreter_of_folder(place.prefix)
        if own is not None and os.path.exists(own):
            return own
    if _PYTHON.fullmatch(first):
        server = _command(host, "jupyter")
        own = interpreter_of_folder(_owner_of_script(server)) if server is not None else None
        if own is not None and os.path.exists(own):
            return own
    found = None if "/" in first else host.which(first)
    return Path(found) if found else None


def _has_ipykernel(host: Host, interpreter: Path | None, argv: Sequence[str]) -> bool | None:
    """Whether the interpreter's folders of packages hold ipykernel; None where another kernel runs, or not told."""
    if interpreter is None or not any(word in ("ipykernel", "ipykernel_launcher", "IPython") for word in argv[1:]):
        return None
    if not os.path.exists(interpreter):  # below another root
        return None
    folders = package_folders(host, interpreter)
    if any(os.path.isdir(folder / "ipykernel") or matching(folder, "*ipykernel*") for folder in folders):
        return True
    return False if folders else None
