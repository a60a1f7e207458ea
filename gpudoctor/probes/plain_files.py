"""Reads small files that others wrote: never a pipe or device that would block, never more than a limit."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from pathlib import Path

_LIMIT_BYTES = 16 * 1024 * 1024  # far beyond any settings file, and no harm to memory
_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # opening a pipe without a writer would block


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return what a folder holds under names such as "*.pth", sorted; [] where it cannot be listed."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in sorted(fnmatch.filter(names, pattern))]


def read_plain_bytes(path: Path, limit_bytes: int = _LIMIT_BYTES) -> bytes:
    """Return at most the first `limit_bytes` of a file. Raises OSError, for what is no plain file as well."""
    descriptor = os.open(path, os.O_RDONLY | _NEVER_WAIT)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no plain file", str(path))
        return file.read(limit_bytes)


def read_plain_text(path: Path, limit_bytes: int = _LIMIT_BYTES) -> str:
    """Return a file's text, bad bytes replaced. Raises OSError."""
    return read_plain_bytes(path, limit_bytes).decode("utf-8", "replace")
