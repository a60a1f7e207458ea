"""Questions on NumPy: which releases run beside NumPy 2."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gpudoctor.knowledge.tables import table


def first_for_numpy_2(package: str, platform: str = "linux") -> str | None:
    """Return the first release of a package whose wheels run beside NumPy 2; None when the table does not know it."""
    name = canonicalize_name(package)
    for row in table("numpy_abi")["rows"]:
        if name in row["packages"] and (row["platform"] is None or platform.startswith(row["platform"])):
            return str(row["first_version"])
    return None


def supports_numpy_2(package: str, version: str, platform: str = "linux") -> bool | None:
    """Whether a release's wheels run beside NumPy 2; None when the table does not know the package or the platform."""
    first = first_for_numpy_2(package, platform)
    if first is None:
        return None
    try:
        return Version(version).release >= Version(first).release
    except InvalidVersion:
        return None
