"""Versions of CUDA toolkits, cuDNN copies and host compilers."""

from __future__ import annotations

import re

import msgspec

_CUDNN_9 = 90000  # from 9.0 on: major * 10000 + minor * 100 + patch; before: major * 1000 + minor * 100 + patch


def parse_nvcc_version(text: str) -> str:
    """Return the version in `nvcc --version`, "" when there is none.

    Cuda compilation tools, release 12.4, V12.4.131
    Build cuda_12.4.r12.4/compiler.34097967_0
    (nvcc 12.4)
    """
    match = re.search(r"release (\d+\.\d+)(?:, V(\d+\.\d+\.\d+))?", text)
    return (match[2] or match[1]) if match else ""


def parse_version_json(text: str) -> str:
    """Return the toolkit's version in its version.json, "" when there is none.

    {"cuda": {"name": "CUDA SDK", "version": "12.4.1"}, "cuda_nvcc": {"name": "CUDA NVCC", "version": "12.4.131"}}
    (toolkit 12.4.1)
    """
    try:
        content = msgspec.json.decode(text.encode(), type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return ""
    for name in ("cuda", "cuda_nvcc", "cuda_cudart"):
        part = content.get(name)
        version = part.get("version") if isinstance(part, dict) else None
        if isinstance(version, str) and re.match(r"\d+\.\d+", version):
            return version
    return ""


def parse_version_txt(text: str) -> str:
    """Return the version in a toolkit's version.txt, "" when there is none.

    CUDA Version 10.1.243 (toolkit 10.1)
    """
    match = re.search(r"CUDA Version (\d+\.\d+(?:\.\d+)?)", text)
    return match[1] if match else ""


def parse_cuda_header(text: str) -> str:
    """Return the version that cuda.h or cuda_runtime_api.h defines, "" when there is none.

    #define CUDA_VERSION 12040 (toolkit 12.4; CUDART_VERSION in cuda_runtime_api.h)
    """
    match = re.search(r"^#define (?:CUDA|CUDART)_VERSION\s+(\d{4,6})\b", text, re.MULTILINE | re.ASCII)
    return f"{int(match[1]) // 1000}.{int(match[1]) % 1000 // 10}" if match else ""


def parse_host_config(text: str) -> int | None:
    """Return the newest major release of gcc that nvcc takes, by its crt/host_config.h; None where it does not say.

    #if __GNUC__ > 14
    #error -- unsupported GNU version! gcc versions later than 14 are not supported! ... (toolkit 12.9)
    """
    match = re.search(r"^#if __GNUC__ > (\d{1,3})\b", text, re.MULTILINE | re.ASCII)
    return int(match[1]) if match else None


def parse_cudnn_header(text: str) -> str:
    """Return the version that cudnn_version.h (cudnn.h before cuDNN 8) defines, "" when there is none.

    #define CUDNN_MAJOR 8
    #define CUDNN_MINOR 9
    #define CUDNN_PATCHLEVEL 7
    (cuDNN 8.9.7)
    """
    parts = [
        re.search(rf"^#define CUDNN_{part}\s+(\d{{1,4}})\b", text, re.MULTILINE | re.ASCII)
        for part in ("MAJOR", "MINOR", "PATCHLEVEL")
    ]
    return ".".join(part[1] for part in parts if part) if all(parts) else ""


def decode_cudnn_number(number: int) -> str:
    """Return the version that cudnnGetVersion's number stands for: 8907 is 8.9.7, 90102 is 9.1.2."""
    thousands = 10000 if number >= _CUDNN_9 else 1000
    return f"{number // thousands}.{number % thousands // 100}.{number % 100}"


class CompilerVersion(msgspec.Struct, frozen=True):
    """A host compiler's own words."""

    name: str  # gcc, clang, cl
    version: str


def parse_compiler_version(text: str) -> CompilerVersion | None:
    """Read the first lines of `gcc --version`, `clang --version` or cl's banner; None for anything else.

    gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0
    Ubuntu clang version 14.0.0-1ubuntu1.1
    Microsoft (R) C/C++ Optimizing Compiler Version 19.39.33523 for x64
    """
    head = "\n".join(text.splitlines()[:2])
    patterns = (
        ("clang", r"clang version (\d+(?:\.\d+)+)"),
        ("cl", r"Optimizing Compiler Version (\d+(?:\.\d+)+)"),
        ("gcc", r"^\S*(?:gcc|g\+\+|cc|c\+\+)\S* \(.*?\) (\d+(?:\.\d+)+)"),
    )
    for name, pattern in patterns:
        match = re.search(pattern, head)
        if match:
            return CompilerVersion(name, match[1])
    return None
