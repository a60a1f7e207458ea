"""Snapshot <-> JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from gpudoctor.facts.fact import Record
from gpudoctor.facts.snapshot import SCHEMA, Snapshot


class SnapshotUnreadable(ValueError):
    """The bytes are no snapshot; the message says what is wrong with them."""


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Write a snapshot as indented JSON, UTF-8."""
    return encode_record(snapshot)


def encode_record(record: Record) -> bytes:
    """Write any record as indented JSON, UTF-8, with a line feed at its end.

    File names may hold bytes that are no UTF-8; Python keeps them as lone surrogates, which JSON cannot. They are
    written as escapes: a file with a broken name must not cost the whole report.
    """
    try:
        content = msgspec.json.encode(record)
    except UnicodeEncodeError:
        content = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(record)))
    return msgspec.json.format(content, indent=1) + b"\n"


def _without_surrogates(node: Any) -> Any:
    if isinstance(node, str):
        return node.encode("utf-8", "backslashreplace").decode()
    if isinstance(node, (list, tuple)):
        return [_without_surrogates(item) for item in node]
    if isinstance(node, dict):
        return {_without_surrogates(key): _without_surrogates(value) for key, value in node.items()}
    return node


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
