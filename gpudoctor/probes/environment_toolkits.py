"""CUDA compilers inside a Python environment: a conda prefix's toolkit, and those that NVIDIA's pip packages bring."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from gpudoctor.facts.toolkit import Toolkit
from gpudoctor.parsers.toolkit_version import parse_cuda_header

_HEADER_BYTES = 1024 * 1024
# The header of conda's cuda-cudart-dev lies below the platform's folder, cudatoolkit-dev's directly in the prefix.
_HEADERS = ("include/cuda.h", "targets/x86_64-linux/include/cuda.h", "targets/sbsa-linux/include/cuda.h")
# Folder below site-packages -> the package that brings its nvcc or ptxas.
_PIP_FOLDERS = {
    "nvidia/cuda_nvcc": ("nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc-cu11"),
    "nvidia/cu13": ("nvidia-cuda-nvcc",),
}


def toolkits_in(prefix: str, search_path: tuple[str, ...], versions: Mapping[str, str]) -> tuple[Toolkit, ...]:
    """Return the toolkits of an environment; `versions` are those of its distributions, by normalised name."""
    return (*_of_conda(prefix), *_of_pip(search_path, versions))


def _of_conda(prefix: str) -> Iterator[Toolkit]:
    if os.path.isdir(os.path.join(prefix, "conda-meta")):
        headers = (_header(os.path.join(prefix, name)) for name in _HEADERS)
        toolkit = _toolkit(prefix, "conda", next((version for version in headers if version), ""))
        if toolkit.nvcc_path or toolkit.has_ptxas or toolkit.has_libdevice:
            yield toolkit


def _of_pip(search_path: tuple[str, ...], versions: Mapping[str, str]) -> Iterator[Toolkit]:
    for folder in search_path:
        for name, packages in _PIP_FOLDERS.items():
            path = os.path.join(folder, *name.split("/"))
            toolkit = _toolkit(path, "pip", next((versions[one] for one in packages if one in versions), ""))
            if toolkit.nvcc_path or toolkit.has_ptxas or toolkit.has_libdevice:
                yield toolkit


def _toolkit(path: str, origin: str, version: str) -> Toolkit:
    nvcc = os.path.join(path, "bin", "nvcc")
    return Toolkit(
        path=path,
        origin=origin,
        version=version,
        nvcc_path=nvcc if os.path.isfile(nvcc) else "",
        has_ptxas=os.path.isfile(os.path.join(path, "bin", "ptxas")),
        has_libdevice=os.path.isdir(os.path.join(path, "nvvm", "libdevice")),
    )


def _header(path: str) -> str:
    """Return the release that a cuda.h defines, "" where it is not there or cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_cuda_header(file.read(_HEADER_BYTES))
    except OSError:
        return ""
