"""The libcuda and libnvidia-ml files on the machine, in the order in which the loader would take them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from gpudoctor.facts.driver import Driver, DriverLibrary
from gpudoctor.facts.fact import known, unknown
from gpudoctor.parsers.libraries import parse_driver_library_version
from gpudoctor.probes.host import Host
from gpudoctor.probes.loader import WSL_FOLDER, LibraryFile, LoaderView, files_in
from gpudoctor.probes.tree import ONLY_LINUX, entries, exists, is_linux, real_path

_SONAME = re.compile(r"lib(?:cuda|nvidia-ml)\.so\.1")
_NAME = re.compile(r"lib(?:cuda|nvidia-ml)\.so(?:\.\d+)*")
# Where such files lie without the loader's knowledge.
_COMPAT = "compat"
_STUBS = ("lib64/stubs", "targets/x86_64-linux/lib/stubs", "targets/sbsa-linux/lib/stubs", "lib/stubs")
_CONTAINER_FOLDER = "/usr/local/nvidia/lib64"  # device plugins of Google's Kubernetes mount the driver here


def probe_driver_libraries(host: Host, loader: LoaderView) -> Driver:
    """Fills libraries: what the loader finds, then copies that it does not find by itself, each real file once."""
    if not is_linux(host):
        return Driver(libraries=unknown(ONLY_LINUX))
    found: dict[str, DriverLibrary] = {}
    leftovers: dict[str, DriverLibrary] = {}
    for file in (*loader.files, *_elsewhere(host)):
        if not _NAME.fullmatch(file.name):
            continue
        library = _library(host, file)
        known_as = found.get(file.real_path)
        if known_as is not None and not _SONAME.fullmatch(known_as.soname) and _SONAME.fullmatch(file.name):
            found[file.real_path] = library  # a stub that somebody gave the name that the loader asks for
        elif _SONAME.fullmatch(file.name) or library.is_stub:
            found.setdefault(file.real_path, library)
        else:
            leftovers.setdefault(file.real_path, library)
    rest = [library for path, library in leftovers.items() if path not in found]
    return Driver(libraries=known((*found.values(), *rest), loader.source))


def _library(host: Host, file: LibraryFile) -> DriverLibrary:
    """Describe a file; one that no `.so.1` leads to keeps its own name as soname: the loader does not take it.

    The path keeps the folder by which the loader came there, as LD_LIBRARY_PATH names it, with the real file's name.
    """
    folder, real_name = posixpath.dirname(file.path), posixpath.basename(file.real_path)
    beside = posixpath.join(folder, real_name)
    return DriverLibrary(
        soname=file.name,
        path=beside if exists(host, beside) else file.real_path,
        version=parse_driver_library_version(real_name),
        origin=_origin(host, folder, file),
        is_stub="/stubs/" in file.path or "/stubs/" in file.real_path,
    )


def _origin(host: Host, folder: str, file: LibraryFile) -> str:
    """Return whose file it is where its folder tells (WSL, a compat package, conda), else how the loader gets there."""
    if file.path.startswith("/usr/lib/wsl/"):
        return "wsl"
    if f"/{_COMPAT}/" in file.path or f"/{_COMPAT}/" in file.real_path:
        return _COMPAT
    return "conda" if exists(host, f"{posixpath.dirname(folder)}/conda-meta") else file.origin


def _elsewhere(host: Host) -> Iterator[LibraryFile]:
    folders = [("wsl", WSL_FOLDER)]
    for toolkit in toolkit_folders(host):
        folders.append((_COMPAT, f"{toolkit}/{_COMPAT}"))
        folders += [("stub", f"{toolkit}/{stubs}") for stubs in _STUBS]
    folders.append((_CONTAINER_FOLDER, _CONTAINER_FOLDER))
    for origin, folder in folders:
        for path in files_in(host, folder):
            yield LibraryFile(posixpath.basename(path), path, real_path(host, path), origin)


def toolkit_folders(host: Host) -> list[str]:
    """Return the folders where CUDA toolkits are put by packages and installers, whether or not there is one."""
    try:
        names = [name for name in entries(host, "/usr/local") if name.startswith("cuda")]
    except OSError:
        names = []
    return [*(f"/usr/local/{name}" for name in names), "/opt/cuda"]
