"""The service that sets up NVSwitch is absent, not running, or of another version.

## What is wrong

On systems with NVSwitch (HGX and DGX boards), the GPUs are joined by switches that a service has to set up: the
fabric manager, and on rack-scale systems the memory exchange service IMEX. Until that is done, CUDA ends with error
802, "system not yet initialized", while nvidia-smi shows every GPU.

## Why it happens

- The package was never installed, or the service is not enabled.
- The driver was updated and the fabric manager was not: their versions must be equal to the last digit.
- The service is still starting, or failed because a switch or a link has an error.
- H100 and newer in confidential-computing mode wait for being set ready.

## How to fix

Install the fabric manager of exactly the driver's version, enable and start it, and look at its log.

## Easily confused with

One NVLink of many that is down (HWD007), which leaves CUDA working.

## References

- https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/
- https://docs.nvidia.com/multi-node-nvlink-systems/imex-guide/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice.fabric_manager import install_fabric_manager, start_fabric_manager
from gpudoctor.rules.readings import nvidia_hardware
from gpudoctor.rules.readings.nvswitch_fabric import gpu_that_waits, service_trouble
from gpudoctor.rules.rule import Case, Scope, rule

_NOT_READY = 802


@rule("DRV011", Severity.ERROR, Scope.MACHINE, hides=("DRV013", "HWD007", "PRF001"))
def fabric_manager(case: Case) -> Finding | None:
    code = case.driver.api.init_code.peek()
    waiting = gpu_that_waits(case)
    has_switches = not case.driver.pci_devices.is_unknown and bool(nvidia_hardware.nvswitch_bridges(case))
    service = service_trouble(case) if has_switches and code != 0 else ""
    if code == _NOT_READY or waiting or (service and not nvidia_hardware.is_container(case)):
        return _finding(case, code, service or service_trouble(case), waiting)
    if code is None and not case.driver.api.init_code.is_absent and case.driver.pci_devices.is_unknown:
        case.driver.pci_devices.read()
    if has_switches and not nvidia_hardware.is_container(case):
        case.driver.api.init_code.read()
    return None


def _finding(case: Case, code: int | None, service: str, waiting: str) -> Finding:
    seen = [f"cuInit ends with error {code}"] if code == _NOT_READY else []
    return Finding(
        message=": ".join(
            [*seen, ", ".join(piece for piece in (service, waiting) if piece) or "the GPUs are not set up"]
        ),
        evidence=(
            case.driver.api.init_code,
            case.driver.fabric_manager,
            case.driver.nvml.driver_version,
            *(gpu.fabric_state for gpu in (case.machine.gpus.peek() or ())[:8]),
        ),
        severity=Severity.WARNING if code == 0 else Severity.ERROR,
        fixes=_fixes(case, service),
    )


def _fixes(case: Case, service: str) -> tuple[Fix, ...]:
    version = nvidia_hardware.driver_version(case)
    start = start_fabric_manager(case)
    if version and ("not installed" in service or "must be equal" in service):
        return install_fabric_manager(case, version), start
    return (start,)
