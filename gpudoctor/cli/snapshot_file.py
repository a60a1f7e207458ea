"""Read the file of `--from`: a snapshot or a report's JSON, gzip too, or standard input."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path

from gpudoctor.cli.errors import CommandError
from gpudoctor.facts.codec import SnapshotUnreadable, decode_snapshot
from gpudoctor.facts.snapshot import Snapshot

_SIZE_LIMIT_BYTES = 64 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_ACCEPTED = (
    "accepted: what `gpudoctor check --save` or `--format json` wrote, gzip too; "
    "text logs come with explain, not in this version"
)


def read_snapshot(file: str) -> Snapshot:
    """Read a snapshot from a file, or from standard input for "-". Raises CommandError on anything else."""
    content = _content(file)
    if content.startswith(_GZIP_MAGIC):
        content = _unpacked(file, content)
    if len(content) > _SIZE_LIMIT_BYTES:
        raise CommandError("input", f"--from {file} is larger than {_SIZE_LIMIT_BYTES // 1024**2} MiB", _ACCEPTED)
    try:
        return decode_snapshot(content)
    except SnapshotUnreadable as error:
        problem = "the file is empty" if not content.strip() else str(error)
        raise CommandError("input", f"--from {file} is no snapshot: {problem}", _ACCEPTED) from None


def _content(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(_SIZE_LIMIT_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(_SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CommandError("input", f"--from {file} cannot be read: {reason}", _ACCEPTED) from None


def _unpacked(file: str, packed: bytes) -> bytes:
    """Unpack to one byte over the limit at most: a small file may unpack to anything."""
    import io

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            return stream.read(_SIZE_LIMIT_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError("input", f"--from {file} is damaged gzip: {error}", _ACCEPTED) from None
