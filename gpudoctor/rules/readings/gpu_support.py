"""Whether a driver branch serves a GPU on the bus: too old for it, too new for it, or of the wrong module flavour."""

from __future__ import annotations

from gpudoctor.facts.driver import PciDevice
from gpudoctor.knowledge import gpus
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.readings import nvidia_hardware
from gpudoctor.rules.rule import Case


def architecture_of(case: Case, device: PciDevice) -> gpus.Architecture | None:
    """Return the row of a device's architecture; None when the tables cannot place it."""
    capability = nvidia_hardware.capability_of(case, device)
    return gpus.architecture(capability, device.name) if capability else None


def below_first_branch(case: Case, device: PciDevice, driver_version: str) -> str:
    """Return the first branch that serves the device when the driver is older for certain, else ""."""
    row = architecture_of(case, device)
    if row is None or row.first_branch is None or is_above_last_branch(case, device, driver_version):
        return ""
    return row.first_branch if gpus.driver_knows(row.capability, driver_version) is False else ""


def is_above_last_branch(case: Case, device: PciDevice, driver_version: str) -> bool:
    """Whether the driver is newer than the last branch that serves the device."""
    row = architecture_of(case, device)
    return bool(row and row.last_branch and (major_of(driver_version) or 0) > int(row.last_branch))


def is_in_doubt(case: Case, device: PciDevice, driver_version: str) -> bool:
    """Whether the tables cannot say if the driver serves the device."""
    row = architecture_of(case, device)
    if row is None:
        return True
    return gpus.driver_knows(row.capability, driver_version) is None


def would_be_lost(case: Case, branch: str | None, flavour: str) -> str:
    """Name a GPU that works now and that a driver of this branch and flavour would not serve; "" when there is none."""
    for gpu in case.machine.gpus.peek() or ():
        name, capability = gpu.name.peek() or "", gpu.compute_capability.peek()
        row = gpus.architecture(capability, name) if capability else None
        if row and (_needed_flavour(row) not in ("", flavour) or (branch and not _may_serve(row, branch))):
            return name or f"GPU {gpu.index}"
    return ""


def _may_serve(row: gpus.Architecture, branch: str) -> bool:
    return gpus.driver_knows(row.capability, branch) is not False


def _needed_flavour(row: gpus.Architecture) -> str:
    return {"proprietary_only": "proprietary", "open_only": "open"}.get(row.kernel_modules, "")


def wrong_flavour(case: Case, device: PciDevice, flavour: str) -> str:
    """Return the flavour of kernel modules that the device needs when it is not `flavour`, else ""."""
    row = architecture_of(case, device)
    needed = _needed_flavour(row) if row else ""
    return needed if needed != flavour else ""
