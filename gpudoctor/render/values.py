"""Write facts' values as a person reads them."""

from __future__ import annotations

_GIB = 1024**3
_MIB = 1024**2


def gibibytes(count: int) -> str:
    """Return bytes as "24.0 GiB", or "512 MiB" below one."""
    if count >= 10 * _GIB:
        return f"{count / _GIB:.0f} GiB"
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count // _MIB} MiB"


def counted(count: int, one: str, several: str = "") -> str:
    """Return "1 error", "2 errors"."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def listed(words: list[str], limit: int) -> str:
    """Return the words with commas, and how many there are beyond the limit."""
    if len(words) <= limit:
        return ", ".join(words)
    return f"{', '.join(words[:limit])} and {len(words) - limit} more"
