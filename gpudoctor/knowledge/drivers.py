"""Questions on drivers: branches, what CUDA they serve, what a CUDA release needs."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from gpudoctor.knowledge.tables import table
from gpudoctor.knowledge.versions import at_least, major_of, minor_of, version_key


class Branch(msgspec.Struct, frozen=True):
    """A driver branch; max_cuda as nvidia-smi shows it; end_of_life YYYY-MM or None."""

    branch: str
    max_cuda: str | None
    kind: str | None  # lts, production, new_feature, developer, legacy
    end_of_life: str | None
    has_ended: bool
    verified: str


class Floor(msgspec.Struct, frozen=True):
    """The oldest driver that starts programs of a CUDA release; a number ("525.60.13") or a whole branch ("580")."""

    driver: str
    verified: str

    def is_met_by(self, driver_version: str) -> bool:
        """Whether a driver version reaches this floor."""
        return at_least(driver_version, self.driver)


def _is_windows(platform: str) -> bool:
    """Whether driver numbers are Windows ones: on Windows, and inside WSL, which shows the Windows driver."""
    return platform.startswith(("windows", "wsl"))


@functools.cache
def _branches() -> dict[str, Branch]:
    return {
        row["branch"]: Branch(
            branch=row["branch"],
            max_cuda=row["max_cuda"],
            kind=row["type"],
            end_of_life=row["end_of_life"],
            has_ended=row["ended"],
            verified=row["verified"],
        )
        for row in table("drivers_cuda")["driver_branches"]
    }


def _windows_branch(number: int) -> Branch | None:
    for row in table("drivers_cuda")["driver_branches"]:
        if row["win_first"] is not None and row["win_first"] <= number <= row["win_last"]:
            return _branches()[row["branch"]]
    return None


def branch_of(driver_version: str, platform: str = "linux") -> Branch | None:
    """Return the branch of a driver version ("535.104.05"); on "windows" (WSL too) by the ranges; None when unknown."""
    number = major_of(driver_version)
    if number is None:
        return None
    return _windows_branch(number) if _is_windows(platform) else _branches().get(str(number))


def branch_number(driver_version: str, platform: str = "linux") -> int | None:
    """Return the branch as a number to compare with: the table's where it knows one, else the version's first piece.

    A number between two branches is a Windows one ("582.16" is of branch 580); None when there is no number at all.
    """
    number = major_of(driver_version)
    if number is None:
        return None
    found = branch_of(driver_version, platform) or _windows_branch(number)
    return int(found.branch) if found else number


def known_branches() -> tuple[Branch, ...]:
    """Return every branch of the tables, oldest first."""
    return tuple(_branches().values())


def newest_known_branch() -> str:
    """Return the newest branch of the tables."""
    return max(_branches(), key=int)


def cuda_of(driver_version: str, platform: str = "linux") -> str | None:
    """Return the highest CUDA release that a driver serves, e.g. "12.2"; None when its branch is not known."""
    branch = branch_of(driver_version, platform)
    return branch.max_cuda if branch else None


def _driver_of(floor: dict[str, str] | None) -> str | None:
    return None if floor is None else floor.get("exact") or floor.get("branch")


def _family(cuda: str) -> dict[str, Any] | None:
    """Return the family row that covers a CUDA release; families begin with a minor release (11.1, not 11.0)."""
    for row in table("drivers_cuda")["family_floors"]:
        if row["cuda_major"] == major_of(cuda) and at_least(cuda, row["first_minor"]):
            found: dict[str, Any] = row
            return found
    return None


def _toolkit_floors(cuda: str, side: str) -> list[Floor]:
    rows = [row for row in table("drivers_cuda")["toolkits"] if row["minor"] == minor_of(cuda)]
    return [Floor(driver, row["verified"]) for row in rows if (driver := _driver_of(row[f"{side}_floor"]))]


def _named_toolkit(cuda: str) -> str | None:
    """Return the toolkit release whose floor the wheels of a CUDA release without a family have."""
    for row in table("wheel_indexes")["variants"]:
        if row["cuda"] == minor_of(cuda) and row["floor"] and "toolkit" in row["floor"]:
            return str(row["floor"]["toolkit"])
    return None


def _own_floor(cuda: str, side: str) -> Floor | None:
    named = _named_toolkit(cuda)
    for row in table("drivers_cuda")["toolkits"]:
        if row["cuda"] == named and (driver := _driver_of(row[f"{side}_floor"])):
            return Floor(driver, row["verified"])
    floors = _toolkit_floors(cuda, side)
    return min(floors, key=lambda floor: version_key(floor.driver)) if floors else None


@functools.cache
def floor_for(cuda: str, platform: str = "linux") -> Floor | None:
    """Return the driver that wheels of a CUDA release ("12.8") need to START.

    The family floor from 11.1 on, else the release's own; None when the tables do not say (an unknown family).
    """
    side = "windows" if _is_windows(platform) else "linux"
    family = _family(cuda)
    if family is None:
        return _own_floor(cuda, side)
    driver = _driver_of(family[f"{side}_floor"])
    return Floor(driver, family[f"{side}_verified"]) if driver else None


@functools.cache
def _lowest_published_floor(cuda_major: int, side: str) -> str | None:
    """Return the lowest floor that any toolkit of a family was published with.

    It lies below the family's own where NVIDIA's pages disagree (CUDA 12 on Windows: 527.41 and 528.33).
    """
    minors = {row["minor"] for row in table("drivers_cuda")["toolkits"] if major_of(row["minor"]) == cuda_major}
    floors = [floor.driver for minor in minors if _family(minor) for floor in _toolkit_floors(minor, side)]
    return min(floors, key=version_key) if floors else None


def driver_serves(cuda: str, driver_version: str, driver_cuda: str | None, platform: str = "linux") -> bool | None:
    """Whether a driver starts wheels of a CUDA release.

    `driver_cuda` is what the driver itself reports: a driver serves every release up to that, tables or no tables;
    beyond it, minor-version compatibility decides by the family floor. None when neither the driver nor the tables
    can tell.
    """
    wanted, reported = version_key(minor_of(cuda)), version_key(driver_cuda or "")
    if not wanted:
        return None
    if reported and reported >= wanted:
        return True
    floor = floor_for(minor_of(cuda), platform)
    if floor is None:
        return False if reported and reported[0] < wanted[0] else None
    if version_key(driver_version):
        return _floor_met(floor, cuda, driver_version, platform)
    return _family_reached(cuda, reported)


def _floor_met(floor: Floor, cuda: str, driver_version: str, platform: str) -> bool | None:
    if floor.is_met_by(driver_version):
        return True
    family = _family(cuda)
    side = "windows" if _is_windows(platform) else "linux"
    published = _lowest_published_floor(family["cuda_major"], side) if family else None
    return None if published and at_least(driver_version, published) else False


def _family_reached(cuda: str, reported: tuple[int, ...]) -> bool | None:
    """Judge by the reported CUDA release alone, where no driver number is known."""
    family = _family(cuda)
    if not reported or family is None:
        return None if not reported else False
    if reported[0] < family["cuda_major"]:
        return False
    return True if reported >= version_key(family["first_minor"]) else None


def compiles_ptx_of(cuda: str, driver_cuda: str | None) -> bool | None:
    """Whether the driver's compiler takes PTX made by a toolkit of `cuda` (else error 222)."""
    wanted, reported = version_key(minor_of(cuda)), version_key(driver_cuda or "")
    return reported >= wanted if wanted and reported else None


def driver_for(cuda: str, platform: str = "linux") -> str | None:
    """Return the branch to recommend to a user who needs `cuda`, e.g. "13.0" -> "580".

    It is the oldest supported (not ended) branch that meets the floor; whether it drives the GPU is `branch_for`'s.
    """
    floor = floor_for(minor_of(cuda), platform)
    if floor is None:
        return None
    lowest = version_key(floor.driver)[0]
    living = [int(branch.branch) for branch in known_branches() if not branch.has_ended and branch.kind]
    return next((str(number) for number in sorted(living) if number >= lowest), None)


def toolkit_branch(cuda: str) -> str | None:
    """Return the driver branch that came with a CUDA release, e.g. "12.8" -> "570"; None when unknown."""
    rows = [row for row in table("drivers_cuda")["toolkits"] if row["minor"] == minor_of(cuda)]
    return next((str(row["driver_branch"]) for row in reversed(rows) if row["driver_branch"]), None)


def jetpack_cuda(l4t_release: str) -> str | None:
    """Return the CUDA release of a Jetson Linux release ("36.4.3" -> "12.6"); None when unknown."""
    for row in table("drivers_cuda")["jetpack"]:
        if row["l4t_min"] and at_least(l4t_release, row["l4t_min"]):
            top = version_key(row["l4t_max"])
            if version_key(l4t_release)[: len(top)] <= top:
                return str(row["cuda"])
    return None
