"""The installed driver branch gets no more fixes.

## What is wrong

Nothing is broken. NVIDIA has ended the support of this driver branch: it gets no more security fixes, and new CUDA
releases will not run on it.

## Why it happens

Branches live between a few months (new feature) and three years (long-term support). Distributions keep older ones.

## How to fix

Update to a supported branch when it suits you. Check first which CUDA your environments are built for: a newer driver
runs older CUDA builds, so nothing has to be changed with it.

## When this is harmless

On a machine that works, is not reachable by others, and needs no newer CUDA. GPUs whose last branch has ended have
nothing newer to update to.

## References

- https://docs.nvidia.com/datacenter/tesla/drivers/
- https://www.nvidia.com/en-us/security/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Severity
from gpudoctor.knowledge import drivers
from gpudoctor.rules.advice.driver import update_driver
from gpudoctor.rules.advice.driver_packages import newest_branch_for
from gpudoctor.rules.readings import nvidia_hardware
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DRV017", Severity.INFO, Scope.MACHINE)
def driver_end_of_life(case: Case) -> Finding | None:
    if nvidia_hardware.is_jetson(case):
        return None
    version = nvidia_hardware.driver_version(case)
    platform = nvidia_hardware.driver_platform(case)
    branch = drivers.branch_of(version, platform) if version else None
    if branch is None or not branch.has_ended:
        return None
    newest = newest_branch_for(case)
    successor = drivers.driver_for(branch.max_cuda, platform) if branch.max_cuda else None
    is_last = newest is not None and int(newest) <= int(branch.branch)
    note = "; these GPUs have no newer one" if is_last else ""
    return Finding(
        message=f"driver {version} is of branch {branch.branch}, whose support has ended{note}",
        evidence=(case.driver.nvml.driver_version, case.driver.proc_version),
        fixes=() if is_last or successor is None else (update_driver(case, successor),),
    )
