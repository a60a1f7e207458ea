"""Questions on processors: which instruction sets the published x86_64 wheels cannot do without."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gpudoctor.knowledge.tables import table


def required_flags(package: str, version: str) -> tuple[str, ...] | None:
    """Return the CPU flags (as /proc/cpuinfo names them) that a release's wheels need; None when that is not known."""
    name = canonicalize_name(package)
    try:
        release = Version(version).release
    except InvalidVersion:
        return None
    for row in table("instruction_sets")["rows"]:
        if name in row["packages"] and release >= Version(row["min_version"]).release:
            top = Version(row["max_version"]).release if row["max_version"] else ()
            if not top or release[: len(top)] <= top:  # the upper end takes in its whole series
                return tuple(row["flags"])
    return None
