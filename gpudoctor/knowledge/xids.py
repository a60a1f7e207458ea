"""Xid numbers of the kernel log."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from gpudoctor.knowledge.tables import table


class CatalogAction(msgspec.Struct, frozen=True):
    """What NVIDIA's catalog asks for, under a condition ("" = always); `action` is the catalog's word."""

    condition: str
    action: str


class XidMeaning(msgspec.Struct, frozen=True):
    """One row; severity as in the table's legend (gpu_fatal, app_fatal, ...), None where the table has none."""

    number: int
    mnemonic: str
    meaning: str | None
    severity: str | None
    origin: tuple[str, ...]
    action: str | None
    note: str
    immediate: tuple[CatalogAction, ...] = ()  # the catalog's immediate actions; () = none, or not in the catalog
    investigate: tuple[CatalogAction, ...] = ()


def _actions(rows: list[dict[str, str]] | None) -> tuple[CatalogAction, ...]:
    return tuple(CatalogAction(row["condition"], row["action"]) for row in rows or ())


def _meaning(row: dict[str, Any]) -> XidMeaning:
    return XidMeaning(
        number=row["xid"],
        mnemonic=row["mnemonic"] or "",
        meaning=row["meaning"],
        severity=row["severity"],
        origin=tuple(row["origin"] or ()),
        action=row["action"],
        note=row.get("note", ""),
        immediate=_actions(row["catalog_immediate"]),
        investigate=_actions(row["catalog_investigate"]),
    )


@functools.cache
def _xids() -> dict[int, XidMeaning]:
    return {row["xid"]: _meaning(row) for row in table("xids")["xids"]}


def xid(number: int) -> XidMeaning | None:
    """Return the row of an Xid number, or None when the table has none."""
    return _xids().get(number)


def xids() -> tuple[XidMeaning, ...]:
    """Return every row, by number."""
    return tuple(_xids().values())


def severity_words() -> dict[str, str]:
    """Return what each severity means."""
    return dict(table("xids")["severity_words"])


def catalog_words() -> dict[str, str]:
    """Return what each action word of NVIDIA's catalog means."""
    return dict(table("xids")["catalog_words"])
