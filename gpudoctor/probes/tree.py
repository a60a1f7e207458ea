"""Files of the machine that is looked at, links followed below its root, failures turned into facts."""

from __future__ import annotations

import os
import platform
import posixpath
from collections.abc import Callable, Iterator
from typing import TypeVar

from gpudoctor.facts.fact import Fact, absent, known, unknown
from gpudoctor.probes.host import Host
from gpudoctor.probes.plain_files import read_plain_bytes

T = TypeVar("T")

ONLY_LINUX = "only read on Linux"
NO_KERNEL_FILES = "/proc and /sys are empty"
_MOST_LINKS = 40  # as the kernel: more of them are a loop


def is_linux(host: Host) -> bool:
    """Whether the tree is a Linux system's; a root other than "/" always is."""
    return not host.is_live or platform.system() == "Linux"


def real_path(host: Host, absolute: str) -> str:
    """Follow every link of an absolute path as if the root were "/"; what does not exist stays as it is."""
    if host.is_live:
        return os.path.realpath(absolute)
    done, waiting, links = "/", absolute.split("/"), 0
    while waiting:
        piece = waiting.pop(0)
        if piece in {"", "."}:
            continue
        if piece == "..":
            done = posixpath.dirname(done)
            continue
        here = posixpath.join(done, piece)
        target = _link(host, here) if links < _MOST_LINKS else ""
        if target:
            links += 1
            waiting = target.split("/") + waiting
            done = "/" if target.startswith("/") else done
        else:
            done = here
    return done


def _link(host: Host, absolute: str) -> str:
    try:
        return os.readlink(host.path(absolute))
    except OSError:
        return ""


def exists(host: Host, absolute: str) -> bool:
    """Whether a file or folder is there, its links followed."""
    return os.path.lexists(host.path(real_path(host, absolute)))


def is_folder(host: Host, absolute: str) -> bool:
    """Whether a folder is there, its links followed."""
    return os.path.isdir(host.path(real_path(host, absolute)))


def entries(host: Host, absolute: str) -> list[str]:
    """Return the sorted names in a folder, [] where it is not there. Raises OSError on other failures."""
    return host.entries(real_path(host, absolute))


def read_text(host: Host, absolute: str) -> str | None:
    """Return a file's text, None where it is not there. Raises OSError on other failures."""
    return host.read_text(real_path(host, absolute))


def text_or_empty(host: Host, absolute: str) -> str:
    """Return a file's text stripped, "" where it cannot be read: for details that a record may lack."""
    try:
        return (read_text(host, absolute) or "").strip()
    except OSError:
        return ""


def read_bytes(host: Host, absolute: str, limit_bytes: int) -> bytes | None:
    """Return the first bytes of a file, None where it is not there. Raises OSError on other failures."""
    try:
        return read_plain_bytes(host.path(real_path(host, absolute)), limit_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return None


def why(error: OSError) -> str:
    """Return a failure in words for a fact's reason, e.g. "permission denied"."""
    return (error.strerror or type(error).__name__).lower()


def fact_of(look: Callable[[], T | None], source: str) -> Fact[T]:
    """Make a fact of what `look` returns (None: known to be absent); unknown where the system refuses."""
    try:
        value = look()
    except OSError as error:
        return unknown(why(error), source)
    return absent(source) if value is None else known(value, source)


def shows_kernel(host: Host) -> bool:
    """Whether the kernel's file systems are there: a root that was mounted without them has /proc and /sys empty."""
    return has_entries(host, "/proc") or has_entries(host, "/sys")


def has_entries(host: Host, absolute: str) -> bool:
    """Whether a folder is there and not empty."""
    try:
        return bool(entries(host, absolute))
    except OSError:
        return True  # it is there, and may not be listed


def walk(host: Host, absolute: str, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Yield (folder, names) of a folder and the folders below it, `depth` levels deep; no links, no failures."""
    try:
        names = entries(host, absolute)
    except OSError:
        return
    yield absolute, names
    if depth > 0:
        for name in names:
            below = posixpath.join(absolute, name)
            place = host.path(below)
            if ".ko" not in name and os.path.isdir(place) and not os.path.islink(place):
                yield from walk(host, below, depth - 1)
