from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpudoctor.parsers import toolkit_version as versions


def test_nvcc() -> None:
    text = (
        "nvcc: NVIDIA (R) Cuda compiler driver\nBuilt on Thu_Mar_28_02:18:24_PDT_2024\n"
        "Cuda compilation tools, release 12.4, V12.4.131\nBuild cuda_12.4.r12.4/compiler.34097967_0\n"
    )
    assert versions.parse_nvcc_version(text) == "12.4.131"
    assert versions.parse_nvcc_version("nvcc: command not found") == ""


def test_files_of_a_toolkit() -> None:
    json = (
        '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}, "cuda_nvcc": {"name": "CUDA NVCC", "version": "12.4.131"}}'
    )
    assert versions.parse_version_json(json) == "12.4.1"
    assert versions.parse_version_json('{"cuda_nvcc": {"version": "12.4.131"}}') == "12.4.131"
    assert versions.parse_version_json('{"cuda": []}') == versions.parse_version_json("[1]") == ""
    assert versions.parse_version_txt("CUDA Version 10.1.243\n") == "10.1.243"
    assert versions.parse_cuda_header("#define CUDA_VERSION 12040\n") == "12.4"
    assert versions.parse_cuda_header("#define CUDART_VERSION  13000\n") == "13.0"


def test_cudnn() -> None:
    header = "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 7\n"
    assert versions.parse_cudnn_header(header) == "8.9.7"
    assert versions.parse_cudnn_header("#define CUDNN_MAJOR 8\n") == ""


@pytest.mark.parametrize(("number", "version"), [(90102, "9.1.2"), (91002, "9.10.2"), (8907, "8.9.7"), (7605, "7.6.5")])
def test_cudnn_numbers(number: int, version: str) -> None:
    assert versions.decode_cudnn_number(number) == version


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022\n", "gcc", "12.2.0"),
        ("g++-13 (GCC) 13.3.1 20240522 (Red Hat 13.3.1-1)\n", "gcc", "13.3.1"),
        ("Ubuntu clang version 14.0.0-1ubuntu1.1\nTarget: x86_64-pc-linux-gnu\n", "clang", "14.0.0"),
        ("Apple clang version 16.0.0 (clang-1600.0.26.4)\n", "clang", "16.0.0"),
        ("Microsoft (R) C/C++ Optimizing Compiler Version 19.39.33523 for x64\n", "cl", "19.39.33523"),
    ],
)
def test_compilers(text: str, name: str, version: str) -> None:
    assert versions.parse_compiler_version(text) == versions.CompilerVersion(name, version)


def test_no_compiler() -> None:
    assert versions.parse_compiler_version("bash: gcc: command not found\n") is None


@given(st.text())
def test_never_raises(text: str) -> None:
    for parse in (
        versions.parse_nvcc_version,
        versions.parse_version_json,
        versions.parse_version_txt,
        versions.parse_cuda_header,
        versions.parse_cudnn_header,
        versions.parse_host_config,
        versions.parse_compiler_version,
    ):
        parse(text)


def test_the_newest_gcc_of_a_toolkit() -> None:
    text = """
#if defined(__GNUC__)

#if __GNUC__ > 14

#error -- unsupported GNU version! gcc versions later than 14 are not supported!
"""  # crt/host_config.h of CUDA 12.9
    assert versions.parse_host_config(text) == 14
    assert versions.parse_host_config("#define __GNUC__ 14") is None
