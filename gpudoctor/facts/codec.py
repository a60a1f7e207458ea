"""Snapshot <-> JSON."""

from __future__ import annotations

import msgspec

from gpudoctor.facts.snapshot import SCHEMA, Snapshot


class SnapshotUnreadable(ValueError):
    """The bytes are no snapshot; the message says what is wrong with them."""


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Write a snapshot as indented JSON, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(snapshot), indent=1) + b"\n"


def decode_snapshot(content: bytes) -> Snapshot:
    """Read a snapshot, or the snapshot inside a JSON report. Raises SnapshotUnreadable on anything else."""
    try:
        head = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SnapshotUnreadable(f"not a JSON object ({error})") from None
    try:
        schema = msgspec.json.decode(head.get("schema", msgspec.Raw(b"null")))
        if schema == "gpudoctor.report/1" and "snapshot" in head:
            return decode_snapshot(bytes(head["snapshot"]))
        if schema != SCHEMA:
            raise SnapshotUnreadable(f"schema is {str(schema)[:80]!r}, not {SCHEMA!r}")
        return msgspec.json.decode(content, type=Snapshot)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise SnapshotUnreadable(str(error)[:300]) from None
