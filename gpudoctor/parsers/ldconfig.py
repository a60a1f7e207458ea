"""The dynamic loader's configuration: its cache as `ldconfig -p` prints it, and /etc/ld.so.conf."""

from __future__ import annotations

import re

import msgspec

_ENTRY = re.compile(r"^\s+(\S+) \(([^)]*)\) => (/.*)$")
_FLAG_OF_ARCHITECTURE = {"x86_64": "x86-64", "aarch64": "AArch64", "ppc64le": "64bit"}


class LoaderConfiguration(msgspec.Struct, frozen=True):
    """What one ld.so.conf file says."""

    folders: tuple[str, ...]
    includes: tuple[str, ...]  # patterns, mostly /etc/ld.so.conf.d/*.conf


def parse_ldconfig_cache(text: str, architecture: str = "") -> list[tuple[str, str]]:
    """Read `ldconfig -p` as (soname, path) in the cache's order; other word sizes than `architecture`'s are left out.

    1042 libs found in cache `/etc/ld.so.cache'
            libcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1
            libcuda.so.1 (libc6) => /lib/i386-linux-gnu/libcuda.so.1
    (glibc 2.35)
    """
    wanted = _FLAG_OF_ARCHITECTURE.get(architecture)
    entries = []
    for line in text.splitlines():
        match = _ENTRY.match(line)
        if match and (wanted is None or wanted in match[2].split(",")):
            entries.append((match[1], match[3].strip()))
    return entries


def parse_loader_configuration(text: str) -> LoaderConfiguration:
    """Read a file of the form of /etc/ld.so.conf.

    include /etc/ld.so.conf.d/*.conf
    # Multiarch support
    /usr/local/lib/x86_64-linux-gnu
    (glibc 2.36, Debian 12)
    """
    folders: list[str] = []
    includes: list[str] = []
    for line in text.splitlines():
        words = line.partition("#")[0].replace(",", " ").replace(":", " ").split()
        if words[:1] == ["include"]:
            includes += words[1:]
        elif words[:1] != ["hwcap"]:
            folders += [word.partition("=")[0] for word in words if word.startswith("/")]
    return LoaderConfiguration(tuple(folders), tuple(includes))
