"""Start-up lines of the frameworks that look bad: which are harmless, and which only look harmless."""

from __future__ import annotations

import functools

import msgspec

from gpudoctor.knowledge.tables import table


class KnownLine(msgspec.Struct, frozen=True):
    """A line that the tables know."""

    phrase: str
    products: tuple[str, ...]  # tensorflow, torch, jax, nccl, ... any
    is_harmless: bool  # False: it looks like noise and is none, never leave it out
    why: str
    exception: str  # when a harmless one is not; "never" = no case known
    verified: str


@functools.cache
def _known_lines() -> tuple[tuple[tuple[str, ...], KnownLine], ...]:
    """Return (texts that must all stand in the line, row); real warnings first, then the longest phrase."""
    rows = sorted(table("noise")["lines"], key=lambda row: (row["harmless"], -len(row["phrase"])))
    return tuple(
        (
            tuple(text.lower() for text in (row["phrase"], *row["also"])),
            KnownLine(
                phrase=row["phrase"],
                products=tuple(row["products"]),
                is_harmless=row["harmless"],
                why=row["why"] or "",
                exception=row["exception"],
                verified=row["verified"],
            ),
        )
        for row in rows
    )


def known_line(line: str) -> KnownLine | None:
    """Return what the tables know of a line of a log; None for a line that they do not know.

    Where several phrases stand in one line, a real warning goes before noise.
    """
    low = line.lower()
    return next((row for texts, row in _known_lines() if all(text in low for text in texts)), None)
