"""The NVIDIA driver is installed, but its kernel module is not loaded.

## What is wrong

An NVIDIA GPU is on the bus and the driver is installed, yet the running kernel has no `nvidia` module in memory.
nvidia-smi then "couldn't communicate with the NVIDIA driver", and CUDA programs find no device.

## Why it happens

- The kernel was updated and the module was not built for it: DKMS failed, or the kernel's headers are missing. The
  module lies under another kernel's folder in `/lib/modules`.
- The distribution ships ready modules for one kernel line, and another one was booted.
- The module is there and was never loaded: it is blacklisted, or a laptop tool turned the discrete GPU off
  (`prime-select intel`).
- Only the libraries were installed, as a dependency of something else, without the kernel part.

## How to fix

Install the headers of the running kernel and let DKMS build the module, or boot the kernel that has one. Where the
module is there, load it and read the error: it names the cause.

## Easily confused with

A module that the kernel refuses because of its signature (DRV006); nouveau holding the GPU (DRV004); a module that
loads and leaves again because it does not know the GPU (DRV008, DRV009, DRV012).

## References

- https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/
"""

from __future__ import annotations

from gpudoctor.findings.finding import Finding, Fix, Severity
from gpudoctor.rules.advice import kernel_module
from gpudoctor.rules.advice.driver import install_driver
from gpudoctor.rules.consequences import OF_NO_MODULE
from gpudoctor.rules.readings import installed_driver, kernel_lines, nvidia_hardware
from gpudoctor.rules.rule import Case, Scope, rule


@rule("DRV005", Severity.ERROR, Scope.MACHINE, hides=OF_NO_MODULE)
def module_not_loaded(case: Case) -> Finding | None:
    if nvidia_hardware.lists_gpus(case) or not nvidia_hardware.is_own_linux(case):
        return None
    if installed_driver.is_loaded(case) or not nvidia_hardware.devices_of_this_system(case):
        return None
    if not installed_driver.has_driver(case):
        return None
    message, fixes = _diagnosis(case)
    return Finding(
        message=message,
        evidence=(
            case.driver.module_version,
            case.system.kernel_release,
            case.driver.module_files,
            case.driver.dkms,
            *kernel_lines.as_evidence(case, kernel_lines.peek_lines_with(case, r"nvidia|NVRM")),
        ),
        fixes=fixes,
        hides=("DRV004",) if installed_driver.is_built_for_other_kernels_only(case) else (),
    )


def _diagnosis(case: Case) -> tuple[str, tuple[Fix, ...]]:
    running = case.system.kernel_release.read()
    if installed_driver.module_files_for_this_kernel(case):
        if "nvidia" in (case.driver.blacklisted_modules.peek() or ()):
            lift = kernel_module.lift_blacklist(case)
            return f"kernel {running} has an nvidia module, and modprobe.d blacklists it", (lift,)
        return f"kernel {running} has an nvidia module, and it is not loaded", (kernel_module.load_module(case),)
    others = tuple(dict.fromkeys(file.kernel_release for file in case.driver.module_files.read() or ()))
    elsewhere = f", only for {', '.join(others[:3])}" if others else ""
    message = f"no nvidia module is built for the running kernel {running}{elsewhere}{_why(case)}"
    if not others and not case.driver.dkms.peek() and not installed_driver.has_kernel_part(case):
        return f"{message}: only the driver's libraries are installed", (install_driver(case),)
    fixes = [kernel_module.build_for_this_kernel(case)]
    if others:
        fixes.append(kernel_module.boot_other_kernel(case, others))
    return message, tuple(fixes)


def _why(case: Case) -> str:
    running = case.system.kernel_release.peek()
    builds = [one for one in case.driver.dkms.peek() or () if one.kernel_release in ("", running)]
    if case.driver.has_kernel_headers.peek() is False:
        return ", and its headers are not installed"
    if builds:
        return f", and DKMS has {builds[0].module} {builds[0].version} in state {builds[0].state}"
    return ""
