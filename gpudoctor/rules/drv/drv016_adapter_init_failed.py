"""The kernel module is loaded, and starting the GPU fails.

## What is wrong

The GPU is on the bus and bound to the nvidia module, but the driver cannot bring it up: the kernel log has
"RmInitAdapter failed" or errors of the GPU's system processor (GSP). nvidia-smi shows "No devices were found", or
fewer GPUs than there are.

## Why it happens

- The GPU is in a bad state after a crash or a suspend: a full power cycle clears it.
- It has too little power, sits on a bad riser or slot, or is failing.
- The GSP firmware files are missing or of another version than the module.
- Pass-through: the virtual machine's firmware or the host hides part of the card.
- A firmware setting (Above 4G Decoding, Resizable BAR) leaves the card without address space; then HWD006 says so.

## How to fix

Read the line before "RmInitAdapter failed". Switch the machine off, wait, and switch it on (a reboot is not enough).
Check power cables and slot. Update the driver with its firmware package. If it is always the same card and it fails
in another machine too, it is the card.

## Easily confused with

A GPU that the branch does not serve (DRV008, DRV012) and the wrong flavour of the modules (DRV009).

## References

- https://docs.nvidia.com/deploy/gpu-debug-guidelines/
- https://docs.nvidia.com/deploy/xid-errors/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice import hardware
from gpudoctor.rules.advice.driver import install_driver, on_the_host
from gpudoctor.rules.consequences import OF_NO_CUDA
from gpudoctor.rules.readings import installed_driver, kernel_lines, nvidia_hardware
from gpudoctor.rules.rule import Case, Scope, rule

_LOG = (
    r"RmInitAdapter failed|rm_init_adapter failed|necessary power cables|Cannot initialize GSP|_kgspBoot|"
    r"GSP.*(fail|error|timeout|unable)"
)


@rule("DRV016", Severity.ERROR, Scope.MACHINE, hides=(*OF_NO_CUDA, "DRV010", "DRV018"))
def adapter_init_failed(case: Case) -> Finding | None:
    if not nvidia_hardware.is_own_linux(case) or not installed_driver.is_loaded(case):
        return None
    missing = tuple(device for device in nvidia_hardware.unlisted_devices(case) if device.driver == "nvidia")
    if not missing:
        return None
    lines = kernel_lines.peek_lines_with(case, _LOG)
    answers = case.driver.nvml.init_code.read() == 0
    if not lines and not answers:
        case.machine.kernel_log.lines.read()
        return None
    total = len([device for device in nvidia_hardware.nvidia_devices(case) if device.driver == "nvidia"])
    name = nvidia_hardware.name_of(missing[0])
    said = f"; the kernel log says: {lines[0].text.rpartition('NVRM: ')[2][:120].rstrip('.!')}" if lines else ""
    return Finding(
        message=f"GPU {name} is bound to nvidia and was not started: {total - len(missing)} of {total} work{said}",
        evidence=(
            case.driver.pci_devices,
            case.driver.nvml.device_count,
            case.driver.nvml.init_error,
            case.driver.smi,
            *kernel_lines.as_evidence(case, lines),
        ),
        fixes=_fixes(case, " ".join(line.text for line in lines)),
    )


def _fixes(case: Case, said: str) -> tuple[Fix, ...]:
    fixes = [
        hardware.read_kernel_log(case, "rminitadapter|gsp", 3),
        hardware.power_cycle(case),
        hardware.reseat_card(case),
    ]
    if "power cables" in said:
        fixes.insert(0, on_the_host(case, Fix(title="Switch the power off and connect every power cable of the card")))
    if "irmware load" in said or "No firmware image" in said:
        fixes.insert(0, install_driver(case))
    return tuple(fixes)
