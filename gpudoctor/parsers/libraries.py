"""Shared libraries: versions from file names, symbol versions and release strings inside them."""

from __future__ import annotations

import re

_DRIVER_VERSION = re.compile(r"\.so\.(\d{2,4}\.\d+(?:\.\d+)*)$")
_LIBRARY_VERSION = re.compile(r"\.so\.(\d+(?:\.\d+)*)$")
_GLIBCXX = re.compile(rb"GLIBCXX_3\.4\.(\d{1,3})\0")
_GLIBC = re.compile(rb"GNU C Library[^\n]{0,80}? release version (\d+\.\d+)")


def parse_driver_library_version(file_name: str) -> str:
    """Return the driver's version in a file's name, "" when it has none.

    libcuda.so.535.104.05 (driver 535); libcuda.so.1.1 of WSL and Jetson says no driver version
    """
    match = _DRIVER_VERSION.search(file_name)
    return match[1] if match else ""


def parse_library_version(file_name: str) -> str:
    """Return the version behind `.so.` in a file's name, "" when there is none.

    libcudnn.so.8.9.7 (cuDNN 8.9.7)
    """
    match = _LIBRARY_VERSION.search(file_name)
    return match[1] if match else ""


def parse_glibcxx_version(content: bytes) -> str:
    r"""Return the highest GLIBCXX symbol version in libstdc++.so.6, "" when there is none.

    GLIBCXX_3.4.29\0GLIBCXX_3.4.30\0 (GCC 12)
    """
    found = [int(number) for number in _GLIBCXX.findall(content)]
    return f"3.4.{max(found)}" if found else ""


def parse_glibc_version(content: bytes) -> str:
    """Return glibc's version from the banner inside libc.so.6, "" when there is none.

    GNU C Library (Ubuntu GLIBC 2.35-0ubuntu3.8) stable release version 2.35. (Ubuntu 22.04)
    """
    match = _GLIBC.search(content)
    return match[1].decode() if match else ""
