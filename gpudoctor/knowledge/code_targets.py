"""The architecture rule: which code of a build runs on which GPU."""

from __future__ import annotations

import functools
import re

import msgspec

from gpudoctor.knowledge.tables import table
from gpudoctor.knowledge.versions import version_key

_NAMED = re.compile(r"(?P<kind>sm|compute)_(?P<major>\d+)(?P<minor>\d)(?P<suffix>[af]?)$")
_DOTTED = re.compile(r"(?P<major>\d+)\.(?P<minor>\d)(?P<suffix>[af]?)(?P<ptx>\+PTX)?$")


class CodeTarget(msgspec.Struct, frozen=True):
    """One entry of an arch list: machine code ("sm_86") or PTX ("compute_90"); suffix "", "a" or "f"."""

    is_ptx: bool
    major: int
    minor: int
    suffix: str


class Serving(msgspec.Struct, frozen=True):
    """Whether a build runs on a GPU: by "cubin", by "ptx" (compiled at start), or "none"."""

    by: str
    target: str = ""  # the entry that serves
    is_disputed: bool = False  # torch does not count this code for the GPU, and some see it run


_NOT_SERVED = Serving("none")


@functools.lru_cache(maxsize=512)
def parse_code_target(text: str) -> CodeTarget | None:
    """Read "sm_86", "sm_90a", "sm_100f", "compute_120", "8.6", "8.6+PTX"; None for anything else.

    "8.6+PTX" stands for two targets and reads as its PTX, the one that reaches further; `serving` counts both.
    """
    match = _NAMED.match(text.strip()) or _DOTTED.match(text.strip())
    if match is None:
        return None
    parts = match.groupdict()
    is_ptx = parts.get("kind") == "compute" or parts.get("ptx") is not None
    return CodeTarget(is_ptx, int(parts["major"]), int(parts["minor"]), parts["suffix"])


def _targets(text: str) -> tuple[CodeTarget, ...]:
    target = parse_code_target(text)
    if target is None:
        return ()
    if text.strip().endswith("+PTX"):
        return (CodeTarget(False, target.major, target.minor, target.suffix), target)
    return (target,)


def serving(arch_list: tuple[str, ...], capability: str) -> Serving:
    """Judge an arch list for a capability.

    Machine code of the same major and a minor not above the GPU's runs (less the table's exceptions); suffix "a" runs
    on exactly its own capability; "f" on its own family: same major, minor not below; PTX of a lower or equal
    capability is compiled at start, PTX with "a" only for its own.
    """
    gpu = version_key(capability)
    if len(gpu) != 2:  # noqa: PLR2004 - a capability is major.minor, nothing else
        return _NOT_SERVED
    found = [_judge(entry, target, gpu) for entry in arch_list for target in _targets(entry)]
    order = {"cubin": 0, "ptx": 1, "none": 2}
    return min(
        found, key=lambda one: (one.is_disputed, order[one.by]) if one.by != "none" else (True, 2), default=_NOT_SERVED
    )


def _judge(entry: str, target: CodeTarget, gpu: tuple[int, ...]) -> Serving:
    code = (target.major, target.minor)
    is_family = target.major == gpu[0] and target.minor <= gpu[1]
    if target.suffix == "a":
        fits = code == gpu
    elif target.is_ptx and not target.suffix:
        fits = code <= gpu
    else:
        fits = is_family
    if not fits:
        return _NOT_SERVED
    if target.is_ptx:
        return Serving("ptx", entry)
    return _less_exceptions(entry, code, gpu)


def _less_exceptions(entry: str, code: tuple[int, int], gpu: tuple[int, ...]) -> Serving:
    for row in table("torch_releases")["cubin_exceptions"]:
        if version_key(row["gpu"]) == gpu and version_key(row["code_min"]) <= code <= version_key(row["code_max"]):
            return Serving("cubin", entry, is_disputed=True) if row["disputed"] else _NOT_SERVED
    return Serving("cubin", entry)
