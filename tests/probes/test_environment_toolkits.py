"""CUDA compilers inside environments, on small trees in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpudoctor.probes.environment_toolkits import toolkits_in


def lay(folder: Path, *files: str, text: str = "") -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_pip_packages_of_cuda_12_bring_ptxas_and_libdevice_without_nvcc(tmp_path: Path) -> None:
    lay(tmp_path, "nvidia/cuda_nvcc/bin/ptxas", "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc")
    (toolkit,) = toolkits_in(str(tmp_path / "env"), (str(tmp_path),), {"nvidia-cuda-nvcc-cu12": "12.9.86"})
    assert (toolkit.origin, toolkit.version, toolkit.nvcc_path) == ("pip", "12.9.86", "")
    assert toolkit.has_ptxas
    assert toolkit.has_libdevice


def test_pip_packages_of_cuda_13_bring_nvcc(tmp_path: Path) -> None:
    lay(tmp_path, "nvidia/cu13/bin/nvcc", "nvidia/cu13/bin/ptxas")
    (toolkit,) = toolkits_in(str(tmp_path / "env"), (str(tmp_path),), {"nvidia-cuda-nvcc": "13.0.88"})
    assert (toolkit.version, toolkit.has_libdevice) == ("13.0.88", False)
    assert toolkit.nvcc_path.endswith("cu13/bin/nvcc")


@pytest.mark.parametrize("header", ["include/cuda.h", "targets/x86_64-linux/include/cuda.h"])
def test_a_conda_prefix_says_its_release_in_its_header(tmp_path: Path, header: str) -> None:
    lay(tmp_path, "conda-meta/history", "bin/nvcc", "nvvm/libdevice/libdevice.10.bc")
    lay(tmp_path, header, text="#define CUDA_VERSION 12040\n")
    (toolkit,) = toolkits_in(str(tmp_path), (), {})
    assert (toolkit.origin, toolkit.version, toolkit.has_ptxas, toolkit.has_libdevice) == ("conda", "12.4", False, True)


def test_runtime_libraries_alone_are_no_toolkit(tmp_path: Path) -> None:
    lay(tmp_path, "conda-meta/history", "nvidia/cu13/lib/libcudart.so.13")
    assert toolkits_in(str(tmp_path), (str(tmp_path),), {}) == ()
