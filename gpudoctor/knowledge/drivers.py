"""Questions on drivers: branches, what CUDA they serve, what a CUDA release needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """A driver branch; max_cuda as nvidia-smi shows it; end_of_life YYYY-MM or None."""

    branch: str
    max_cuda: str | None
    kind: str | None  # lts, production, new_feature, developer, legacy
    end_of_life: str | None
    has_ended: bool
    verified: str


@dataclass(frozen=True, slots=True)
class Floor:
    """The oldest driver that starts programs of a CUDA release; a number ("525.60.13") or a whole branch ("580")."""

    driver: str
    verified: str

    def is_met_by(self, driver_version: str) -> bool:
        """Whether a driver version reaches this floor."""
        raise NotImplementedError


def branch_of(driver_version: str, platform: str = "linux") -> Branch | None:
    """Return the branch of a driver version ("535.104.05"); on "windows" (WSL too) by the ranges; None when unknown."""
    raise NotImplementedError


def newest_known_branch() -> str:
    """Return the newest branch of the tables."""
    raise NotImplementedError


def cuda_of(driver_version: str, platform: str = "linux") -> str | None:
    """Return the highest CUDA release that a driver serves, e.g. "12.2"; None when the tables do not know its branch."""
    raise NotImplementedError


def floor_for(cuda: str, platform: str = "linux") -> Floor | None:
    """Return the driver that wheels of a CUDA release ("12.8") need to START: the family floor from 11.1 on, else the
    release's own. None when the tables do not say (an unknown family)."""
    raise NotImplementedError


def driver_serves(cuda: str, driver_version: str, driver_cuda: str | None, platform: str = "linux") -> bool | None:
    """Whether a driver starts wheels of a CUDA release. `driver_cuda` is what the driver itself reports: a driver
    serves every release up to that, tables or no tables; beyond it, minor-version compatibility decides by the family
    floor. None when neither the driver nor the tables can tell."""
    raise NotImplementedError


def compiles_ptx_of(cuda: str, driver_cuda: str | None) -> bool | None:
    """Whether the driver's compiler takes PTX made by a toolkit of `cuda` (else error 222)."""
    raise NotImplementedError


def driver_for(cuda: str, platform: str = "linux") -> str | None:
    """Return the branch to recommend to a user who needs `cuda`: the oldest supported (not ended) branch that meets
    the family floor, e.g. "13.0" -> "580"."""
    raise NotImplementedError
