"""The architecture rule: which code of a build runs on which GPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeTarget:
    """One entry of an arch list: machine code ("sm_86") or PTX ("compute_90"); suffix "", "a" or "f"."""

    is_ptx: bool
    major: int
    minor: int
    suffix: str


@dataclass(frozen=True, slots=True)
class Serving:
    """Whether a build runs on a GPU: by "cubin", by "ptx" (compiled at start), or "none"; disputed = some see it run."""

    by: str
    target: str = ""  # the entry that serves
    is_disputed: bool = False


def parse_code_target(text: str) -> CodeTarget | None:
    """Read "sm_86", "sm_90a", "sm_100f", "compute_120", "8.6", "8.6+PTX"; None for anything else."""
    raise NotImplementedError


def serving(arch_list: tuple[str, ...], capability: str) -> Serving:
    """Judge an arch list for a capability. Machine code of the same major and a minor not above the GPU's runs
    (less the table's exceptions); suffix "a" runs on exactly its own capability; "f" on its own family: same major,
    minor not below; PTX of a lower or equal capability is compiled at start, PTX with "a" only for its own."""
    raise NotImplementedError
