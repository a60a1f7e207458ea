"""Compare version numbers of drivers, CUDA, cuDNN: dotted integers, piece by piece."""

from __future__ import annotations

import functools
import re


@functools.lru_cache(maxsize=4096)
def version_key(version: str) -> tuple[int, ...]:
    """Return the leading dotted integers: "535.104.05" -> (535, 104, 5), "12.2" -> (12, 2); () when there are none."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(piece) for piece in match[0].split(".")) if match else ()


def at_least(version: str, floor: str) -> bool:
    """Whether `version` is `floor` or newer."""
    return version_key(version) >= version_key(floor)


def minor_of(version: str) -> str:
    """Return the first two pieces: "12.4.131" -> "12.4"."""
    return ".".join(str(piece) for piece in version_key(version)[:2])


def major_of(version: str) -> int | None:
    """Return the first piece, or None when there is none."""
    key = version_key(version)
    return key[0] if key else None
