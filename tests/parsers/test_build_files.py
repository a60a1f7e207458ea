"""torch's version.py and TensorFlow's build_info.py, read as text."""

from __future__ import annotations

import pytest

from gpudoctor.facts.environment import TensorflowBuild, TorchBuild
from gpudoctor.parsers.tensorflow_build_info import parse_tensorflow_build_info
from gpudoctor.parsers.torch_version import parse_torch_version

TORCH_2_13 = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+cu130'
debug = False
cuda: Optional[str] = '13.0'
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
"""
TORCH_1_7 = """__version__ = '1.7.0'
debug = False
cuda = '10.2'
git_version = 'e85d494707b835c12165976b8442af54b9afcb26'
hip = None
"""
TENSORFLOW_2_21 = """# Copyright 2020 The TensorFlow Authors. All Rights Reserved.
import collections

build_info = collections.OrderedDict([('cpu_compiler', '/usr/lib/llvm-18/bin/clang'), ('cuda_compute_capabilities', ['sm_60', 'compute_90']), ('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True), ('is_rocm_build', False), ('is_tensorrt_build', False)])
"""  # noqa: E501  # the file's own line
TENSORFLOW_CPU_2_21 = """import collections
build_info = collections.OrderedDict([('is_cuda_build', False), ('is_rocm_build', False), ('is_tensorrt_build', False)])
"""
TENSORFLOW_2_1 = """is_rocm_build = False
is_cuda_build = True
cuda_version_number = "10.1"
cudnn_version_number = "7"
"""


@pytest.mark.parametrize(
    ("text", "build"),
    [
        (TORCH_2_13, TorchBuild(version="2.13.0+cu130", cuda="13.0")),
        (TORCH_1_7, TorchBuild(version="1.7.0", cuda="10.2")),
        (
            "__version__ = '2.9.0+rocm6.4'\nhip: str = '6.4.43482'\ncuda = None",
            TorchBuild(version="2.9.0+rocm6.4", hip="6.4.43482"),
        ),
        ("__version__ = compute()\n", None),
        ("def broken(:", None),
        ("", None),
        ("(" * 5000, None),
    ],
    ids=["2.13", "1.7", "rocm", "computed", "broken", "empty", "deep"],
)
def test_torch_version(text: str, build: TorchBuild | None) -> None:
    assert parse_torch_version(text) == build


def test_tensorflow_build_info() -> None:
    assert parse_tensorflow_build_info(TENSORFLOW_2_21, "2.21.0") == TensorflowBuild(
        version="2.21.0",
        is_cuda_build=True,
        cuda_version="12.5.1",
        cudnn_version="9",
        compute_capabilities=("sm_60", "compute_90"),
    )


def test_tensorflow_cpu_build() -> None:
    assert parse_tensorflow_build_info(TENSORFLOW_CPU_2_21, "2.21.0") == TensorflowBuild(
        version="2.21.0", is_cuda_build=False
    )


def test_old_tensorflow_assigns_one_by_one() -> None:
    assert parse_tensorflow_build_info(TENSORFLOW_2_1, "2.1.0") == TensorflowBuild(
        version="2.1.0", is_cuda_build=True, cuda_version="10.1", cudnn_version="7"
    )


@pytest.mark.parametrize("text", ["", "build_info = 3", "build_info = [1, (2,)]", "def broken(:"])
def test_what_says_nothing_of_cuda_stays_open(text: str) -> None:
    assert parse_tensorflow_build_info(text, "2.21.0") == TensorflowBuild(version="2.21.0")
