"""Compile the fake driver libraries."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent
LIBRARIES = {"libnvidia-ml.so.1": "fake_nvml.c", "libcuda.so.1": "fake_cuda.c"}


def compile_fakes(folder: Path) -> Path:
    """Compile both libraries into a folder and return it; skips the test where that is not possible."""
    compiler = _compiler()
    if not compiler or not sys.platform.startswith("linux"):
        pytest.skip("the fake driver libraries need a C compiler and Linux")
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-fvisibility=hidden"]
    for soname, source in LIBRARIES.items():
        command = [*compiler, *options, f"-Wl,-soname,{soname}", "-o", str(folder / soname), str(SOURCES / source)]
        subprocess.run(command, check=True)
    return folder


def _compiler() -> list[str]:
    """Return the machine's C compiler, else the one of the package ziglang, which the bootstrap installs then."""
    found = next(filter(None, map(shutil.which, ("gcc", "cc", "clang"))), None)
    if found:
        return [found]
    has_zig = importlib.util.find_spec("ziglang") is not None
    return [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all"] if has_zig else []


def has_real_library(soname: str) -> bool:
    """Whether this machine's own loader finds the library: then nothing can act as if it were missing."""
    command = [sys.executable, "-I", "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", soname]
    return subprocess.run(command, capture_output=True, check=False, env={}).returncode == 0
