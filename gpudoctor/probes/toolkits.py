"""CUDA toolkits, system-wide cuDNN copies, and the CUDA libraries that the loader can find outside environments."""

from __future__ import annotations

import os
import platform
import posixpath
import re

import msgspec

from gpudoctor.facts.fact import known, unknown
from gpudoctor.facts.toolkit import CudnnCopy, SystemLibrary, Toolkit, Toolkits
from gpudoctor.parsers.libraries import parse_library_version
from gpudoctor.parsers.toolkit_version import (
    parse_cuda_header,
    parse_cudnn_header,
    parse_host_config,
    parse_nvcc_version,
    parse_version_json,
    parse_version_txt,
)
from gpudoctor.probes.driver_libraries import toolkit_folders
from gpudoctor.probes.host import Host
from gpudoctor.probes.loader import LoaderView, files_in
from gpudoctor.probes.tree import exists, is_folder, read_bytes, real_path, text_or_empty

_HOME_VARIABLES = ("CUDA_HOME", "CUDA_PATH")
_WINDOWS = "Windows"
_VERSION_FILES = (
    ("version.json", parse_version_json),
    ("version.txt", parse_version_txt),
    ("include/cuda.h", parse_cuda_header),
    ("include/cuda_runtime_api.h", parse_cuda_header),
)
_SYSTEM_LIBRARY = re.compile(r"lib(?:cudart|cublas(?:Lt)?|cusparse|cudnn\w*|nvJitLink|nvrtc|nccl)\.so\.\d+")
_CUDNN_LIBRARY = re.compile(r"libcudnn\.so\.\d+(?:\.\d+)*")
_HEADER_FOLDERS = (
    "/usr/include",
    "/usr/include/x86_64-linux-gnu",
    "/usr/include/aarch64-linux-gnu",
    "/usr/local/include",
)
_HEADERS = ("cudnn_version.h", "cudnn.h")
_TOOLKIT_LIBRARIES = ("lib64", "lib")
_NVCC_IN_SCRIPT = re.compile(r"(/[^\s\"']+)/bin/nvcc\b")
_SCRIPT_BYTES = 4096
_EXECUTABLE = ".exe" if os.name == "nt" else ""


def probe_toolkits(host: Host, loader: LoaderView) -> Toolkits:
    """Fills installed, cudnn and libraries."""
    installed = _installed(host)
    if platform.system() not in {"Linux", _WINDOWS} and host.is_live:
        no_cuda = f"CUDA does not exist for {platform.system()}"
        return Toolkits(installed=known(installed, "PATH"), cudnn=known((), no_cuda), libraries=known((), no_cuda))
    if platform.system() == _WINDOWS and host.is_live:
        reason = "only read on Linux"
        return Toolkits(installed=known(installed, "CUDA_PATH, PATH"), cudnn=unknown(reason), libraries=unknown(reason))
    libraries = tuple(
        SystemLibrary(soname=file.name, path=file.path, origin=file.origin)
        for file in loader.files
        if _SYSTEM_LIBRARY.fullmatch(file.name)
    )
    return Toolkits(
        installed=known(installed, "/usr/local, /opt/cuda, CUDA_HOME, PATH"),
        cudnn=known(_cudnn_copies(host, loader, [toolkit.path for toolkit in installed]), "headers and library names"),
        libraries=known(libraries, f"LD_LIBRARY_PATH, {loader.source}"),
    )


def _installed(host: Host) -> tuple[Toolkit, ...]:
    """List the toolkits, each real folder once; CUDA_HOME leads to the default one, else nvcc on PATH."""
    homes = [host.variables[name] for name in _HOME_VARIABLES if os.path.isabs(host.variables.get(name, ""))]
    nvcc = host.which("nvcc")
    on_path = _home_of_nvcc(nvcc) if nvcc else ""
    places = [(folder, "folder") for folder in toolkit_folders(host)]
    places += [(home, "CUDA_HOME") for home in homes]
    found: dict[str, Toolkit] = {}
    for folder, origin in places:
        real = real_path(host, folder)
        if real not in found and is_folder(host, folder) and (origin != "folder" or _looks_like_toolkit(host, real)):
            found[real] = _toolkit(host, real, origin)
    if nvcc and on_path not in found:
        found[on_path or nvcc] = _toolkit_of_command(host, nvcc, on_path)
    default = real_path(host, homes[0]) if homes else on_path or real_path(host, "/usr/local/cuda")
    return tuple(
        msgspec.structs.replace(toolkit, is_default=True) if path == default else toolkit
        for path, toolkit in found.items()
    )


def _looks_like_toolkit(host: Host, folder: str) -> bool:
    return any(
        exists(host, f"{folder}/{part}") for part in ("bin", "lib64", "lib", "include", "version.json", "targets")
    )


def _toolkit(host: Host, folder: str, origin: str) -> Toolkit:
    nvcc = f"{folder}/bin/nvcc{_EXECUTABLE}"
    has_nvcc = exists(host, nvcc)
    version = next(
        (text for name, parse in _VERSION_FILES if (text := parse(text_or_empty(host, f"{folder}/{name}")))), ""
    )
    if not version and has_nvcc and host.is_live:
        version = parse_nvcc_version(host.run([nvcc, "--version"]).stdout)
    return Toolkit(
        path=folder,
        origin=origin,
        version=version,
        nvcc_path=nvcc if has_nvcc else "",
        has_ptxas=exists(host, f"{folder}/bin/ptxas{_EXECUTABLE}"),
        gcc_max_major=parse_host_config(text_or_empty(host, f"{folder}/include/crt/host_config.h"))
        if has_nvcc
        else None,
        has_libdevice=exists(host, f"{folder}/nvvm/libdevice/libdevice.10.bc")
        or exists(host, f"{folder}/libdevice/libdevice.10.bc"),
    )


def _home_of_nvcc(nvcc: str) -> str:
    """Return the toolkit's folder of an nvcc on PATH, links and wrapper scripts followed; "" where it has none.

    Debian's /usr/bin/nvcc is a script: exec /usr/lib/nvidia-cuda-toolkit/bin/nvcc "$@"
    """
    real = os.path.realpath(nvcc)
    live = Host()
    try:
        head = (read_bytes(live, real, _SCRIPT_BYTES) or b"").decode("utf-8", "replace")
    except OSError:
        head = ""
    called = _NVCC_IN_SCRIPT.search(head) if head.startswith("#!") else None
    if called and os.path.exists(called[0]):
        real = os.path.realpath(called[0])
    folder, name = os.path.split(os.path.dirname(real))
    return folder if name == "bin" else ""


def _toolkit_of_command(host: Host, nvcc: str, home: str) -> Toolkit:
    """Describe the toolkit behind an nvcc on PATH, which is this process's, whatever the root."""
    live = Host(variables=host.variables, timeout_seconds=host.timeout_seconds)
    described = _toolkit(live, home, "PATH") if home and is_folder(live, home) else Toolkit(path=nvcc, origin="PATH")
    said = parse_nvcc_version(host.run([nvcc, "--version"]).stdout) if not described.version else described.version
    return msgspec.structs.replace(described, version=said, nvcc_path=nvcc)


def _cudnn_copies(host: Host, loader: LoaderView, toolkits: list[str]) -> tuple[CudnnCopy, ...]:
    """List the headers and libraries of cuDNN, each real file once."""
    found: dict[str, CudnnCopy] = {}
    for folder in (*_HEADER_FOLDERS, *(f"{toolkit}/include" for toolkit in toolkits)):
        for header in _HEADERS:
            path = f"{folder}/{header}"
            version = parse_cudnn_header(text_or_empty(host, path))
            if version:
                found.setdefault(real_path(host, path), CudnnCopy(path=path, version=version, origin="header"))
    paths = [file.path for file in loader.files]
    paths += [
        path for toolkit in toolkits for below in _TOOLKIT_LIBRARIES for path in files_in(host, f"{toolkit}/{below}")
    ]
    for path in paths:
        if _CUDNN_LIBRARY.fullmatch(posixpath.basename(path)):
            real = real_path(host, path)
            version = parse_library_version(posixpath.basename(real))
            found.setdefault(real, CudnnCopy(path=path, version=version, origin="library name"))
    return tuple(found.values())
