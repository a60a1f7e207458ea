"""What the dynamic loader can find: its search path in order, and the library files of interest there."""

from __future__ import annotations

import fnmatch
import os
import platform
import posixpath
import re
from collections.abc import Iterator

import msgspec

from gpudoctor.parsers.ldconfig import parse_ldconfig_cache, parse_loader_configuration
from gpudoctor.probes.host import Host
from gpudoctor.probes.tree import entries, is_folder, read_bytes, real_path, text_or_empty

LIBRARY_PATH = "LD_LIBRARY_PATH"
CACHE = "loader cache"
DEFAULT = "default folder"
WSL_FOLDER = "/usr/lib/wsl/lib"
_DEFAULT_FOLDERS = (
    "/lib/{0}-linux-gnu",
    "/usr/lib/{0}-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/run/opengl-driver/lib",  # NixOS
)
_LDCONFIG = ("ldconfig", "/usr/sbin/ldconfig", "/sbin/ldconfig")  # a user's PATH on Debian has no sbin
_MOST_INCLUDES = 3
_ELF_32_BIT = b"\x7fELF\x01"
# Every library that a probe asks about; other names are not kept.
_OF_INTEREST = re.compile(
    r"lib(?:cuda|nvidia-ml|cudart|cublas(?:Lt)?|cusparse|cudnn\w*|nvJitLink|nvrtc|nccl|stdc\+\+|c)\.so(?:\.\d+)*"
)


class LibraryFile(msgspec.Struct, frozen=True):
    """A library file as the loader sees it."""

    name: str  # file name: libcuda.so.1
    path: str  # absolute, below the root
    real_path: str  # with every link followed
    origin: str  # LD_LIBRARY_PATH, loader cache, default folder


class LoaderView(msgspec.Struct, frozen=True):
    """The libraries of interest in the loader's order, each real file once a name, and the folders that it searches."""

    files: tuple[LibraryFile, ...]
    folders: tuple[str, ...]
    source: str  # what told the cache: ldconfig -p, /etc/ld.so.conf


def look_at_loader(host: Host) -> LoaderView:
    """Look at LD_LIBRARY_PATH, the loader's cache and its default folders. Never raises for a folder it cannot read."""
    cached, source = _cache(host)
    library_path = library_path_folders(host)
    places = [(LIBRARY_PATH, files_in(host, folder)) for folder in library_path]
    places.append((CACHE, cached))
    places += [(DEFAULT, files_in(host, folder)) for folder in default_folders(host)]
    files: dict[tuple[str, str], LibraryFile] = {}
    for origin, paths in places:
        for path in paths:
            name, real = posixpath.basename(path), real_path(host, path)
            if (name, real) not in files and not _is_32_bit(host, real):
                files[name, real] = LibraryFile(name, path, real, origin)
    folders = [*library_path, *(posixpath.dirname(path) for path in cached), *default_folders(host)]
    return LoaderView(tuple(files.values()), tuple(dict.fromkeys(folders)), source)


def library_path_folders(host: Host) -> list[str]:
    """Return the folders of LD_LIBRARY_PATH; with another root, those inside it as that system names them."""
    folders = re.split("[:;]", host.variables.get(LIBRARY_PATH, ""))
    root = "" if host.is_live else str(host.root)
    inside = [folder.removeprefix(root) if root and folder.startswith(f"{root}/") else folder for folder in folders]
    return list(dict.fromkeys(posixpath.normpath(folder) for folder in inside if folder.startswith("/")))


def default_folders(host: Host) -> list[str]:
    """Return the folders that the loader searches without any configuration, each real folder once."""
    machine = platform.machine() if host.is_live else ""
    architectures = [machine] if machine in {"x86_64", "aarch64"} else ["x86_64", "aarch64"]
    folders: dict[str, str] = {}
    for pattern in _DEFAULT_FOLDERS:
        for architecture in architectures:
            folder = pattern.format(architecture)
            if is_folder(host, folder):
                folders.setdefault(real_path(host, folder), folder)
    return list(folders.values())


def files_in(host: Host, folder: str) -> list[str]:
    """Return the paths of the libraries of interest in a folder, links first (they are what the loader asks for)."""
    try:
        names = entries(host, folder)
    except OSError:
        return []
    return [posixpath.join(folder, name) for name in names if _OF_INTEREST.fullmatch(name)]


def _is_32_bit(host: Host, path: str) -> bool:
    """Whether an ELF file is of a 32-bit processor: Fedora's /usr/lib holds such copies of the driver, for games."""
    try:
        return read_bytes(host, path, len(_ELF_32_BIT)) == _ELF_32_BIT
    except OSError:
        return False


def _cache(host: Host) -> tuple[list[str], str]:
    if host.is_live:
        for command in _LDCONFIG:
            answer = host.run([command, "-p"])
            if answer.is_ok:
                cached = parse_ldconfig_cache(answer.stdout, platform.machine())
                return [
                    path for name, path in cached if _OF_INTEREST.fullmatch(name) and os.path.exists(path)
                ], "ldconfig -p"
    folders = [*_configured_folders(host, "/etc/ld.so.conf", _MOST_INCLUDES)]
    return [path for folder in dict.fromkeys(folders) for path in files_in(host, folder)], "/etc/ld.so.conf"


def _configured_folders(host: Host, path: str, depth: int) -> Iterator[str]:
    configuration = parse_loader_configuration(text_or_empty(host, path))
    yield from configuration.folders
    for pattern in configuration.includes if depth > 0 else ():
        folder, _, names = posixpath.join("/etc", pattern).rpartition("/")
        try:
            matching = fnmatch.filter(entries(host, folder), names)
        except OSError:
            continue
        for name in matching:
            yield from _configured_folders(host, f"{folder}/{name}", depth - 1)
