"""Write what a command produced: to standard output, or to a file in one step."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from gpudoctor.cli.errors import CommandError


def check_writable(option: str, file: str | None) -> None:
    """Refuse a file that could not be written, before any work is done. Raises CommandError."""
    if file is None:
        return
    path = Path(file)
    folder = path.parent
    if os.path.isdir(path):
        raise CommandError("output", f"{option} {file} is a folder", "accepted: the name of a file")
    if not os.path.isdir(folder):
        raise CommandError("output", f"{option} {file}: the folder {folder} does not exist")
    writable = os.access(path if _is_device(path) else folder, os.W_OK)
    if not writable:
        raise CommandError("output", f"{option} {file}: no permission to write in {folder}")


def write_file(option: str, file: str, content: bytes) -> None:
    """Write a file whole or not at all; devices and pipes are written to directly. Raises CommandError."""
    path = Path(file)
    try:
        if _is_device(path):
            with path.open("wb") as device:
                device.write(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise CommandError("output", f"{option} {file} cannot be written: {error.strerror or error}") from None


def write_stdout(content: bytes) -> None:
    """Write to standard output. A reader that has gone away ends the writing, not the command.

    Raises CommandError where it cannot be written for another reason, a full disk for one.
    """
    if sys.stdout is None:  # closed by the caller
        return
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout.fileno())
    except OSError as error:
        silence(sys.stdout.fileno())
        raise CommandError("output", f"standard output cannot be written: {error.strerror or error}") from None


def silence(descriptor: int) -> None:
    """Send the rest of a stream whose reader has gone away nowhere, so that the interpreter's last flush is quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _is_device(path: Path) -> bool:
    """Whether the path is there and no plain file: replacing /dev/null or a pipe would destroy it."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~umask
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
