"""Xid numbers of the kernel log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class XidMeaning:
    """One row; severity as in the table's legend (gpu_fatal, app_fatal, ...), None where the table has none."""

    number: int
    mnemonic: str
    meaning: str | None
    severity: str | None
    origin: tuple[str, ...]
    action: str | None
    note: str


def xid(number: int) -> XidMeaning | None:
    """Return the row of an Xid number, or None when the table has none."""
    raise NotImplementedError
